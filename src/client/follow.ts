import { setTimeout as sleep } from 'node:timers/promises';

import type { WorkflowHandle } from '@temporalio/client';

import type { Progress } from '../process/step-context.js';
import type { WorkflowProgress } from '../schema/progress.js';

/** What a follower is told, whenever something is new. */
export interface Follower {
  /** Steps, gates and approvals so far. */
  onProgress?: (progress: WorkflowProgress) => void;
  /** What the running step last said of itself (its heartbeat). */
  onHeartbeat?: (activity: string, progress: Progress, attempt: number) => void;
}

const pollMs = 500;

/**
 * Waits for a workflow's result and tells the follower what happens on the way. Stopping to follow does not stop the workflow.
 *
 * @throws what `handle.result()` throws; the signal's reason when it is aborted.
 */
export async function follow<T>(handle: WorkflowHandle, follower: Follower, signal?: AbortSignal): Promise<T> {
  const ended = new AbortController();
  const watching = watch(
    handle,
    follower,
    signal === undefined ? ended.signal : AbortSignal.any([ended.signal, signal]),
  );
  try {
    const aborted = new Promise<never>((_resolve, reject) => {
      signal?.addEventListener(
        'abort',
        () => reject(signal.reason instanceof Error ? signal.reason : new Error('stopped following')),
        { once: true },
      );
    });
    return (await Promise.race([handle.result(), aborted])) as T;
  } finally {
    ended.abort();
    await watching;
    await look(handle, follower); // the last steps, which may have ended since the last look
  }
}

async function watch(handle: WorkflowHandle, follower: Follower, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await look(handle, follower);
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
}

/** One look. A query that fails (no worker answers just now) is no news. */
async function look(handle: WorkflowHandle, { onProgress, onHeartbeat }: Follower): Promise<void> {
  try {
    if (onProgress !== undefined) onProgress(await handle.query<WorkflowProgress>('progress'));
    if (onHeartbeat === undefined) return;
    const description = await handle.describe();
    for (const activity of description.raw.pendingActivities ?? []) {
      const payload = activity.heartbeatDetails?.payloads?.[0]?.data;
      if (payload === undefined || payload === null) continue;
      onHeartbeat(
        activity.activityType?.name ?? '',
        JSON.parse(Buffer.from(payload).toString('utf8')) as Progress,
        activity.attempt ?? 1,
      );
    }
  } catch {
    // try again at the next look
  }
}
