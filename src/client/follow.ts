import { setTimeout as sleep } from 'node:timers/promises';

import type { WorkflowHandle } from '@temporalio/client';

import type { Progress } from '../process/step-context.js';
import type { WorkflowProgress } from '../schema/progress.js';
import { withOwnSignal } from './own-signal.js';

/** A step that is at work, or waits for its next try. */
export interface Pending {
  /** The activity's name. */
  activity: string;
  /** 1 for the first. */
  attempt: number;
  /** What it last said of itself (its heartbeat). */
  progress?: Progress;
  /** Why the last attempt failed. */
  lastFailure?: string;
}

/** What a follower is told, at every look. */
export interface Follower {
  /** Steps, gates and approvals so far. */
  onProgress?: (progress: WorkflowProgress) => void;
  /** What is being done now. */
  onPending?: (pending: readonly Pending[]) => void;
}

const pollMs = 500;
const roundMs = 60_000;

/**
 * Waits for a workflow's result and tells the follower what happens on the way. Stopping to follow does not stop the workflow.
 *
 * @throws what `handle.result()` throws; the signal's reason when it is aborted, at once.
 */
export async function follow<T>(handle: WorkflowHandle, follower: Follower, signal: AbortSignal): Promise<T> {
  const ended = new AbortController();
  const over = AbortSignal.any([ended.signal, signal]);
  const watching = watch(handle, follower, over);
  try {
    return (await resultOf(handle, over)) as T;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error;
  } finally {
    ended.abort();
    await watching;
    if (!signal.aborted) await look(handle, follower); // the last steps, which may have ended since the last look
  }
}

/**
 * What is still asked when nobody follows any more is taken back: whoever leaves does not wait for an answer that may not come, and gRPC
 * would try it again on a connection that is closed by then, which ends the process.
 */
async function ask<T>(handle: WorkflowHandle, over: AbortSignal, question: () => Promise<T>): Promise<T> {
  return await withOwnSignal(over, (own) => handle.client.withAbortSignal(own, question));
}

/** The client asks for a result in calls of some 20 seconds, one after the other: a round ends before they have gathered listeners. */
async function resultOf(handle: WorkflowHandle, over: AbortSignal): Promise<unknown> {
  for (;;) {
    const round = AbortSignal.timeout(roundMs);
    try {
      return await ask(handle, AbortSignal.any([over, round]), () => handle.result());
    } catch (error) {
      if (!round.aborted || over.aborted) throw error;
    }
  }
}

async function watch(handle: WorkflowHandle, follower: Follower, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await ask(handle, signal, () => look(handle, follower, signal));
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
}

/** One look. What gets no answer (a query, where no worker is there just now) is no news. */
async function look(handle: WorkflowHandle, { onProgress, onPending }: Follower, signal?: AbortSignal): Promise<void> {
  const stopped = (): boolean => signal?.aborted === true;
  const progress = await handle.query<WorkflowProgress>('progress').catch(() => undefined);
  if (progress !== undefined && !stopped()) onProgress?.(progress);
  if (onPending === undefined || stopped()) return;
  const pending = await readPending(handle).catch(() => undefined);
  if (pending !== undefined && !stopped()) onPending(pending);
}

/** What a workflow's steps are doing now, as its server knows it. */
export async function readPending(handle: WorkflowHandle): Promise<Pending[]> {
  const { raw } = await handle.describe();
  return (raw.pendingActivities ?? []).map(({ activityType, attempt, heartbeatDetails, lastFailure }) => {
    const beat = heartbeatDetails?.payloads?.[0]?.data;
    return {
      activity: activityType?.name ?? '',
      attempt: attempt ?? 1,
      ...(beat === undefined || beat === null
        ? {}
        : { progress: JSON.parse(Buffer.from(beat).toString('utf8')) as Progress }),
      ...(lastFailure?.message ? { lastFailure: lastFailure.message } : {}),
    };
  });
}
