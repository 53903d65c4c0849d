import { type Client, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';

/** Often enough that a terminated drill's disk space is back before the next one needs it, rare enough not to fill the Web UI. */
const every = '15m';

/**
 * Makes sure that the janitor of a task queue runs on a schedule, and lets it run now. A Temporal Schedule, not a loop in the worker: people
 * see it, pause it and start it in the Web UI; one that is at work already is not doubled (`SKIP`), however many workers start at once.
 */
export async function scheduleJanitor(client: Client, taskQueue: string): Promise<void> {
  const scheduleId = `pgdrill-janitor-${taskQueue}`;
  try {
    await client.schedule.create({
      scheduleId,
      spec: { intervals: [{ every }] },
      action: {
        type: 'startWorkflow',
        workflowType: 'janitor',
        workflowId: scheduleId,
        taskQueue,
        staticSummary: 'Remove what runs that are over left behind',
        workflowExecutionTimeout: '1 day',
      },
      // What was missed while Temporal was down is not made up for: one sweep finds everything.
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
      memo: { madeBy: 'pgdrill' },
      state: { note: 'Made by each pgdrill worker when it starts.', triggerImmediately: true },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const schedule = client.schedule.getHandle(scheduleId);
    if (!(await schedule.describe()).state.paused) await schedule.trigger(ScheduleOverlapPolicy.SKIP);
  }
}
