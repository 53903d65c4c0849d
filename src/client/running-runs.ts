import type { Client, WorkflowHandle } from '@temporalio/client';

import type { RunningRun } from '../metrics/run-gauges.js';
import { ourRuns } from './run-kinds.js';
import { progressOf } from './status.js';

/** Each is asked by a query, which its worker has to answer. */
const most = 50;
/** As long as a scrape may take; a run whose worker is dead does not answer. */
const patienceMs = 3_000;

/**
 * The runs of a task queue that go on now. Of one that does not answer (it has just begun, or its worker is busy) no more than its kind is
 * known, and it is left out.
 */
export async function listRunningRuns(client: Client, taskQueue: string): Promise<RunningRun[]> {
  const handles: WorkflowHandle[] = [];
  for await (const { workflowId, runId } of client.workflow.list({
    query: `ExecutionStatus = 'Running' and TaskQueue = '${taskQueue}' and ${ourRuns}`,
  })) {
    handles.push(client.workflow.getHandle(workflowId, runId));
    if (handles.length === most) break;
  }
  const runs = await client.withDeadline(Date.now() + patienceMs, () =>
    Promise.all(
      handles.map(async (handle): Promise<RunningRun | undefined> => {
        const progress = await progressOf(handle);
        if (progress === undefined) return undefined;
        const { kind, cluster, waiting } = progress;
        return {
          kind,
          cluster,
          ...(waiting === undefined ? {} : { waiting: { gate: waiting.gate, since: waiting.since } }),
        };
      }),
    ),
  );
  return runs.filter((run) => run !== undefined);
}
