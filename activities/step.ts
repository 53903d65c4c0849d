import { ApplicationFailure, Context } from '@temporalio/activity';

import { PgdrillError } from '../src/errors.js';
import { explainDisk } from '../src/files/explain-disk.js';
import type { Progress, StepContext } from '../src/process/step-context.js';
import type { Phase } from '../src/schema/results.js';

/** How often the latest progress is sent as a heartbeat: a fraction of the heartbeat timeout, so that one lost beat does no harm. */
const heartbeatEveryMs = 1_000;

/** What an activity knows beside its input: a StepContext, and when Temporal first scheduled it. */
export interface ActivityContext extends StepContext {
  workflowId: string;
  runId: string;
  /** Of the first attempt: a crash in between does not shorten what is measured from here. */
  scheduledAt: Date;
}

/** An activity: one JSON object in, one out. */
export type Step<Input, Output> = (input: Input) => Promise<Output>;

/**
 * Makes an activity of a step: heartbeats with its progress, cancellation, and errors that Temporal retries only where time can mend
 * them.
 */
export function step<Input, Output>(
  run: (input: Input, context: ActivityContext) => Promise<Output>,
): (input: Input) => Promise<Output> {
  return async (input) => {
    const activity = Context.current();
    const { info } = activity;
    const { workflowId, runId } = info.workflowExecution ?? { workflowId: 'standalone', runId: 'standalone' };
    let progress: Progress = { doing: 'starting' };
    activity.heartbeat(progress);
    const heart = setInterval(() => activity.heartbeat(progress), heartbeatEveryMs);
    const context: ActivityContext = {
      operation: `${workflowId}/${runId}/${info.activityId}-${info.activityType}`,
      attempt: info.attempt,
      signal: activity.cancellationSignal,
      progress: (next) => {
        progress = next;
      },
      workflowId,
      runId,
      scheduledAt: new Date(info.scheduledTimestampMs),
    };
    try {
      return await run(input, context);
    } catch (error) {
      // A tool that was killed because of the cancel must not look like a failure of its own.
      if (activity.cancellationSignal.aborted) throw activity.cancellationSignal.reason;
      activity.heartbeat(progress); // the last word, for who looks while the next attempt is waited for
      throw toFailure(error);
    } finally {
      clearInterval(heart);
    }
  };
}

function toFailure(thrown: unknown): unknown {
  const error = explainDisk(thrown);
  if (!(error instanceof PgdrillError)) return error;
  return ApplicationFailure.create({
    type: error.name,
    message: error.message,
    nonRetryable: !error.retryable,
    details: [{ explanation: error.explanation, exitCode: error.exitCode }],
    cause: error,
  });
}

/** The phase that this step is: from its first scheduling until now, whatever attempts it took. */
export function phaseUntilNow(
  { scheduledAt, attempt }: ActivityContext,
  name: Phase['name'],
  more: Pick<Phase, 'bytes' | 'samples'> = {},
): Phase {
  const now = Date.now();
  return {
    name,
    seconds: Math.max(0, (now - scheduledAt.getTime()) / 1_000),
    startedAt: scheduledAt.toISOString(),
    finishedAt: new Date(now).toISOString(),
    ...(attempt > 1 ? { attempts: attempt } : {}),
    ...more,
  };
}
