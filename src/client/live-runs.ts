import type { WorkflowProgress } from '../schema/progress.js';
import { type Pending, readPending } from './follow.js';
import { listRuns, progressOf, type RunStatus } from './status.js';
import type { Temporal } from './temporal.js';

/** As long as one look may take: a run whose worker is dead answers no query. */
const patienceMs = 3_000;

/** A run, and where it goes on still: what it says of itself. */
export interface LiveRun extends RunStatus {
  /** Absent where no worker answered. */
  progress?: WorkflowProgress;
  pending?: Pending[];
}

/** The newest runs, newest first, with what those that go on do now. */
export async function readLiveRuns(temporal: Temporal, limit: number): Promise<LiveRun[]> {
  const { client } = temporal;
  const runs = await listRuns(temporal, limit);
  return await client.withDeadline(Date.now() + patienceMs, () =>
    Promise.all(
      runs.map(async (run): Promise<LiveRun> => {
        if (run.closedAt !== undefined) return run;
        const handle = client.workflow.getHandle(run.id);
        const [progress, pending] = await Promise.all([progressOf(handle), readPending(handle).catch(() => undefined)]);
        return {
          ...run,
          ...(progress === undefined ? {} : { progress }),
          ...(pending === undefined ? {} : { pending }),
        };
      }),
    ),
  );
}
