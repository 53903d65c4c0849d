import type { WorkflowHandle } from '@temporalio/client';

/** One activity of a workflow, as Temporal's history has it. Times in seconds since 1970. */
export interface Recorded {
  activity: string;
  /** Of the last attempt. */
  attempt: number;
  scheduledAt: number;
  startedAt: number;
  endedAt: number;
  /** How the attempt before the last ended. */
  lastFailure: string;
}

/** The activities of a workflow that has ended, in the order in which they were scheduled. */
export async function activitiesOf(handle: WorkflowHandle): Promise<Recorded[]> {
  const events = (await handle.fetchHistory()).events ?? [];
  return events.flatMap((event) => {
    const activity = event.activityTaskScheduledEventAttributes?.activityType?.name;
    if (typeof activity !== 'string') return [];
    const of = (id: { toString: () => string } | null | undefined): boolean => String(id) === String(event.eventId);
    const started = events.find(({ activityTaskStartedEventAttributes: begun }) => of(begun?.scheduledEventId));
    const ended = events.find((each) =>
      [
        each.activityTaskCompletedEventAttributes,
        each.activityTaskFailedEventAttributes,
        each.activityTaskTimedOutEventAttributes,
        each.activityTaskCanceledEventAttributes,
      ].some((attributes) => of(attributes?.scheduledEventId)),
    );
    const attributes = started?.activityTaskStartedEventAttributes;
    return [
      {
        activity,
        attempt: attributes?.attempt ?? 0,
        scheduledAt: secondsOf(event.eventTime),
        startedAt: secondsOf(started?.eventTime),
        endedAt: secondsOf(ended?.eventTime),
        lastFailure: attributes?.lastFailure?.message ?? '',
      },
    ];
  });
}

function secondsOf(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(time?.seconds ?? Number.NaN) + (time?.nanos ?? 0) / 1e9;
}

/** The attempt that an activity is in now; 0 where it is not pending. */
export async function pendingAttempt(handle: WorkflowHandle, activity: string): Promise<number> {
  const { pendingActivities } = (await handle.describe()).raw;
  const pending = (pendingActivities ?? []).find(
    ({ activityType, state }) => activityType?.name === activity && Number(state) !== 1,
  );
  return pending?.attempt ?? 0;
}
