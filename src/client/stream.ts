import { setTimeout as sleep } from 'node:timers/promises';

import { type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';

import { UsageError } from '../errors.js';
import type { Progress } from '../process/step-context.js';
import type { WorkflowProgress } from '../schema/progress.js';
import type { StopStream, StreamInput, StreamResult } from '../schema/stream.js';
import { startWorkflow } from './start.js';
import type { Temporal } from './temporal.js';

/** One stream a cluster: so its workflow has one name. */
export function streamId(cluster: string): string {
  return `stream-${cluster}`;
}

export interface StreamStatus {
  id: string;
  status: string;
  /** Of the present run; a stream begins a new one twice a day. */
  startedAt: string;
  steps: WorkflowProgress['steps'];
  /** What the receiving step last said of itself. */
  now?: Progress;
  attempt?: number;
}

/**
 * Starts a cluster's stream and waits until it receives, for as long as `signal` allows.
 *
 * @returns its state then.
 * @throws UsageError when it runs already; what the workflow failed with when it is refused.
 */
export async function startStream(
  temporal: Temporal,
  input: StreamInput,
  taskQueue: string,
  signal: AbortSignal,
): Promise<StreamStatus> {
  const handle = await startWorkflow(temporal, 'streamWal', input, { taskQueue, id: streamId(input.cluster) });
  for (;;) {
    const status = await readStatus(handle);
    if (status.status !== 'running') await handle.result(); // throws what it failed with
    if (signal.aborted || status.now?.doing.startsWith('receiving WAL') === true) return status;
    await sleep(300);
  }
}

/** @throws UsageError where there has never been one. */
export async function streamStatus({ client }: Temporal, cluster: string): Promise<StreamStatus> {
  try {
    return await readStatus(client.workflow.getHandle(streamId(cluster)));
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw noStream(cluster, error);
  }
}

/** Stops a cluster's stream and waits for its end. @throws UsageError where none runs. */
export async function stopStream({ client }: Temporal, cluster: string, stop: StopStream): Promise<StreamResult> {
  const handle = client.workflow.getHandle(streamId(cluster));
  try {
    if ((await handle.describe()).status.name !== 'RUNNING') throw noStream(cluster);
    await handle.signal('stop', stop);
    return (await handle.result()) as StreamResult;
  } catch (error) {
    throw error instanceof WorkflowNotFoundError ? noStream(cluster, error) : error;
  }
}

async function readStatus(handle: WorkflowHandle): Promise<StreamStatus> {
  const { status, startTime, raw } = await handle.describe();
  const progress = await handle.query<WorkflowProgress>('progress').catch(() => undefined); // no worker just now
  const receiving = raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'receiveWal');
  const beat = receiving?.heartbeatDetails?.payloads?.[0]?.data;
  return {
    id: handle.workflowId,
    status: status.name.toLowerCase(),
    startedAt: startTime.toISOString(),
    steps: progress?.steps ?? [],
    ...(beat === undefined || beat === null ? {} : { now: JSON.parse(Buffer.from(beat).toString('utf8')) as Progress }),
    ...(receiving?.attempt === undefined || receiving.attempt === null ? {} : { attempt: receiving.attempt }),
  };
}

function noStream(cluster: string, cause?: unknown): UsageError {
  return new UsageError(
    {
      what: `No WAL stream of ${cluster} runs.`,
      means: 'Nothing was done.',
      todo: `Start one: pgdrill stream start ${cluster}`,
    },
    { cause },
  );
}
