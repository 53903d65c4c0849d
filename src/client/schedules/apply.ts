import { type Client, ScheduleAlreadyRunning, ScheduleNotFoundError } from '@temporalio/client';

import { BusyError, UsageError } from '../../errors.js';
import type { PlannedChange } from './plan.js';
import { switchedOffNote, toTemporal } from './to-temporal.js';

/** Refuses a plan that Temporal cannot be brought to. Before anything is changed, so that nothing is half-done. */
export function refuseForeign(changes: readonly PlannedChange[]): void {
  const foreign = changes.filter(({ action }) => action === 'foreign');
  const [first] = foreign;
  if (first === undefined) return;
  throw new UsageError({
    what: foreign.flatMap(({ notes }) => notes).join(' '),
    means: 'It is another installation’s (or a person’s), so pgdrill does not touch it. Nothing was changed.',
    todo: `Give the cluster or the policy another name, or remove it there: temporal schedule delete --schedule-id ${first.id}`,
  });
}

/** Makes one change. What was deleted or made by somebody else in between is an error that says so. */
export async function applyChange(client: Client, change: PlannedChange, taskQueue: string): Promise<void> {
  const handle = client.schedule.getHandle(change.id);
  try {
    if (change.action === 'remove') {
      await handle.delete();
      return;
    }
    if (change.wish === undefined || change.action === 'none' || change.action === 'foreign') return;
    const { scheduleId, memo, state, ...wanted } = toTemporal(change.wish, taskQueue);
    if (change.action === 'create') {
      await client.schedule.create({ ...wanted, scheduleId, ...(memo ? { memo } : {}), ...(state ? { state } : {}) });
      return;
    }
    const { enabled } = change.wish;
    await handle.update((previous) => {
      const { paused, note } = previous.state;
      // A pause that somebody made outlives the update; one that was the configuration's ends with it.
      const keepPause = paused && note !== switchedOffNote;
      return {
        ...wanted,
        state:
          !enabled && !keepPause
            ? { paused: true, note: switchedOffNote }
            : keepPause
              ? { paused, ...(note === undefined ? {} : { note }) }
              : { paused: false },
      };
    });
  } catch (error) {
    const gone = error instanceof ScheduleNotFoundError;
    if (gone && change.action === 'remove') return;
    if (!gone && !(error instanceof ScheduleAlreadyRunning)) throw error;
    throw new BusyError(
      {
        what: `${change.id} was ${gone ? 'deleted' : 'made'} by somebody else just now.`,
        means: 'What was shown is not what Temporal has any more.',
        todo: 'Look again, and apply again: pgdrill policies plan',
      },
      { cause: error },
    );
  }
}
