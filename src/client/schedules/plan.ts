import { type Difference, differences, markOf, titleOf } from './facets.js';
import { type ActualSchedule, facetsOfWish, identityOf, switchedOffNote } from './to-temporal.js';
import type { ScheduleKind, ScheduleWish } from './wish.js';

/** What has to be done to one schedule so that Temporal has what the configuration wants. */
export interface PlannedChange {
  id: string;
  cluster: string;
  kind: ScheduleKind;
  name?: string;
  /** `foreign`: the id is taken by a schedule that is not this installation's, and stays as it is. */
  action: 'create' | 'update' | 'remove' | 'none' | 'foreign';
  differences: Difference[];
  /** True where somebody changed it since pgdrill applied it (in the Web UI, or with another tool). */
  edited: boolean;
  /** What else there is to know, as sentences. */
  notes: string[];
  /** Absent for what the configuration does not know. */
  wish?: ScheduleWish;
}

/**
 * Compares what the configuration wants with what Temporal has.
 *
 * A pause that a person made, or that Temporal made after a failure, is no difference: it is shown and left alone.
 *
 * @param actual those with a wished id, and all others that this installation made.
 */
export function planChanges(
  wishes: readonly ScheduleWish[],
  actual: readonly ActualSchedule[],
  taskQueue: string,
): PlannedChange[] {
  const wished = new Set(wishes.map(({ id }) => id));
  return [
    ...wishes.map((wish) =>
      planOne(
        wish,
        actual.find(({ id }) => id === wish.id),
        taskQueue,
      ),
    ),
    ...actual.flatMap((schedule): PlannedChange[] =>
      wished.has(schedule.id) || schedule.identity?.taskQueue !== taskQueue ? [] : [planRemoval(schedule)],
    ),
  ];
}

function planOne(wish: ScheduleWish, actual: ActualSchedule | undefined, taskQueue: string): PlannedChange {
  const { id, cluster, kind, name } = wish;
  const change: PlannedChange = {
    id,
    cluster,
    kind,
    ...(name === undefined ? {} : { name }),
    action: 'none',
    differences: [],
    edited: false,
    notes: wish.enabled ? [] : ['It is switched off in the configuration.'],
    wish,
  };
  if (actual === undefined) return { ...change, action: 'create' };
  const identity = identityOf(wish, taskQueue);
  if (
    actual.identity === undefined ||
    titleOf(actual.identity) !== titleOf(identity) ||
    actual.identity.taskQueue !== taskQueue
  ) {
    return { ...change, action: 'foreign', notes: [whoseIsIt(actual)] };
  }
  const { facets, applied, paused, note } = actual;
  const found = differences(facets, facetsOfWish(wish, taskQueue));
  let edited = found.length > 0 && applied?.mark !== markOf(facets);
  if (paused && wish.enabled && note === switchedOffNote)
    found.push({ what: 'state', from: 'switched off', to: 'active' });
  else if (paused && wish.enabled)
    change.notes.push(`It is paused${note === '' ? '' : `: ${note}`} pgdrill leaves it so (pgdrill policies resume).`);
  else if (!paused && !wish.enabled) {
    found.push({ what: 'state', from: 'active', to: 'switched off' });
    edited ||= applied?.enabled === false;
  }
  return { ...change, action: found.length > 0 ? 'update' : 'none', differences: found, edited };
}

function planRemoval({ id, identity, facets, paused, applied }: ActualSchedule): PlannedChange {
  if (identity === undefined) throw new TypeError(`${id} is not ours`);
  const { cluster, kind, name } = identity;
  return {
    id,
    cluster,
    kind,
    ...(name === undefined ? {} : { name }),
    action: 'remove',
    differences: [],
    edited: applied?.mark !== markOf(facets),
    notes: [
      `It is not in the configuration any more (${paused ? 'paused, ' : ''}${facets.cron} ${facets['time zone']}).`,
    ],
  };
}

function whoseIsIt({ id, identity }: ActualSchedule): string {
  return identity === undefined
    ? `A schedule ${id} exists that pgdrill did not make.`
    : `The schedule ${id} belongs to ${titleOf(identity)} on task queue ${identity.taskQueue}.`;
}
