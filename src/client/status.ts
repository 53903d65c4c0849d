import { type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';

import type { WorkflowProgress } from '../schema/progress.js';
import { readEnding, type WorkflowEnding } from './failures.js';
import { ourRuns } from './run-kinds.js';
import type { Temporal } from './temporal.js';
import { unknownRun } from './unknown-run.js';

export interface RunStatus {
  id: string;
  kind: string;
  status: string;
  startedAt: string;
  closedAt?: string;
}

/** The newest runs of our workflows, running ones among them, newest first. */
export async function listRuns({ client }: Temporal, limit: number): Promise<RunStatus[]> {
  const runs: RunStatus[] = [];
  for await (const { workflowId, type, status, startTime, closeTime } of client.workflow.list({
    query: ourRuns,
  })) {
    runs.push({
      id: workflowId,
      kind: type,
      status: status.name.toLowerCase(),
      startedAt: startTime.toISOString(),
      ...(closeTime === undefined ? {} : { closedAt: closeTime.toISOString() }),
    });
    if (runs.length === limit) break;
  }
  return runs;
}

/** One run, with its steps. @throws UsageError when there is none of that id. */
export async function readRun(
  temporal: Temporal,
  id: string,
): Promise<RunStatus & { progress?: WorkflowProgress } & RunEnd> {
  const run = await readOutcome(temporal, id);
  const progress = await progressOf(temporal.client.workflow.getHandle(id));
  return { ...run, ...(progress === undefined ? {} : { progress }) };
}

interface RunEnd {
  result?: unknown;
  failure?: WorkflowEnding;
}

/** One run and how it ended, without its steps: no worker has to answer. @throws UsageError when there is none of that id. */
export async function readOutcome({ client }: Temporal, id: string): Promise<RunStatus & RunEnd> {
  const handle = client.workflow.getHandle(id);
  try {
    const { type, status, startTime, closeTime } = await handle.describe();
    return {
      id,
      kind: type,
      status: status.name.toLowerCase(),
      startedAt: startTime.toISOString(),
      ...(closeTime === undefined ? {} : { closedAt: closeTime.toISOString() }),
      ...(closeTime === undefined ? {} : await readEnd(handle)),
    };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw await unknownRun(client.workflow, id, 'Nothing can be shown.', error);
  }
}

/** Somebody is waiting: where no worker polls, Temporal itself would wait for one much longer. */
const answerWithinMs = 5_000;

/** @returns undefined where no worker answers, or where it never began. */
export async function progressOf(handle: WorkflowHandle): Promise<WorkflowProgress | undefined> {
  return await handle.client
    .withDeadline(Date.now() + answerWithinMs, () => handle.query<WorkflowProgress>('progress'))
    .catch(() => undefined);
}

async function readEnd(handle: WorkflowHandle): Promise<{ result: unknown } | { failure: WorkflowEnding }> {
  try {
    return { result: await handle.result() };
  } catch (error) {
    return { failure: readEnding(error) };
  }
}
