import { Context } from '@temporalio/activity';

import { asOwner } from '../src/registry/current.js';
import { Registry } from '../src/registry/registry.js';
import type { Dependencies } from './dependencies.js';

/** Lets every activity run as its workflow's: what it makes that may outlive the worker is written down with its owner (src/registry). */
export function registered<Activities extends object>({ loaded }: Dependencies, activities: Activities): Activities {
  const registry = new Registry(loaded.stateDirectory);
  const asIs = Object.entries(activities) as [string, (input: unknown) => Promise<unknown>][];
  return Object.fromEntries(
    asIs.map(([name, run]) => [
      name,
      async (input: unknown) => {
        const { info } = Context.current();
        const { workflowId, runId } = info.workflowExecution ?? { workflowId: 'standalone', runId: 'standalone' };
        const owner = { namespace: info.namespace, workflowId, runId };
        const operation = `${workflowId}/${runId}/${info.activityId}-${info.activityType}`;
        const { cluster } = (input ?? {}) as { cluster?: string };
        return await asOwner({ registry, owner, cluster, operation, attempt: info.attempt }, () => run(input));
      },
    ]),
  ) as Activities;
}
