import type { Client, ScheduleDescription } from '@temporalio/client';

import { UsageError } from '../../errors.js';
import { didYouMean } from '../../schema/closest.js';
import { titleOf } from './facets.js';
import { describe } from './read.js';
import type { ScheduleWish } from './wish.js';

/**
 * Finds a cluster's schedule by the name that the configuration gives it: `daily_full`; `drill/nightly` where another kind has the same name;
 * `sabotage` for one that has no name.
 *
 * @throws UsageError that lists what there is.
 */
export function findWish(wishes: readonly ScheduleWish[], cluster: string, name: string): ScheduleWish {
  const ofCluster = wishes.filter((wish) => wish.cluster === cluster);
  const [found, another] = ofCluster.filter((wish) =>
    [wish.name ?? wish.kind, `${wish.kind}/${wish.name ?? ''}`].includes(name),
  );
  if (found !== undefined && another === undefined) return found;
  const names = ofCluster.map((wish) => (wish.name === undefined ? wish.kind : `${wish.kind}/${wish.name}`));
  if (found !== undefined) {
    throw new UsageError({
      what: `${cluster} has more than one schedule called ${name}.`,
      means: 'It is not clear which one is meant.',
      todo: `Name its kind, too: ${names.filter((each) => each.endsWith(`/${name}`)).join(' or ')}.`,
    });
  }
  const known = ofCluster.map((wish) => wish.name ?? wish.kind);
  throw new UsageError({
    what: `${cluster} has no schedule ${name} in the configuration.${didYouMean(name, known)}`,
    means: names.length === 0 ? 'It has none at all.' : `It has: ${names.join(', ')}.`,
    todo: 'Name one of them, or add it to the configuration.',
  });
}

/** What Temporal has for a wish. @throws UsageError where it was not applied yet. */
export async function describeApplied(
  client: Client,
  wish: ScheduleWish,
  taskQueue: string,
): Promise<ScheduleDescription> {
  const described = await describe(client, wish.id);
  if (described === undefined) {
    throw new UsageError({
      what: `${titleOf(wish)} is in the configuration, and not in Temporal.`,
      means: 'It was not applied yet, or somebody deleted it.',
      todo: 'Run: pgdrill policies apply',
    });
  }
  if (described.memo?.['madeBy'] !== 'pgdrill' || described.memo['taskQueue'] !== taskQueue) {
    throw new UsageError({
      what: `The schedule ${wish.id} is not this installation’s.`,
      means: 'pgdrill touches only what it made itself, for its own task queue.',
      todo: 'See what is wrong with: pgdrill policies plan',
    });
  }
  return described;
}
