import type { Client } from '@temporalio/client';

import type { Configuration } from '../../schema/configuration.js';
import { titleOf } from './facets.js';
import { planChanges } from './plan.js';
import { readSchedules } from './read.js';
import { wishedSchedules } from './wished.js';

/** What Temporal has otherwise than the configuration, as sentences by cluster. A pause is no drift. */
export async function findDrift(client: Client, configuration: Configuration): Promise<Map<string, string[]>> {
  const taskQueue = configuration.temporal.task_queue;
  const wishes = wishedSchedules(configuration);
  const drift = new Map<string, string[]>();
  for (const change of planChanges(wishes, await readSchedules(client, wishes, taskQueue), taskQueue)) {
    const { action, cluster, differences, edited } = change;
    if (action === 'none') continue;
    const changed = differences.map(({ what, from, to }) => `${what} ${from || 'none'} instead of ${to || 'none'}`);
    const what = {
      create: 'is not in Temporal',
      update: `${edited ? 'was changed in Temporal' : 'was not applied since it was changed'}: ${changed.join(', ')}`,
      remove: 'is not in the configuration',
      foreign: 'has a name that is taken in Temporal',
    }[action];
    drift.set(cluster, [...(drift.get(cluster) ?? []), `${titleOf(change)} ${what}.`]);
  }
  return drift;
}
