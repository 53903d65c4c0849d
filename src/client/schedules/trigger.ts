import { setTimeout as sleep } from 'node:timers/promises';

import { type Client, ScheduleOverlapPolicy } from '@temporalio/client';

import { BusyError, UnreachableError } from '../../errors.js';
import { titleOf } from './facets.js';
import { describeApplied } from './find.js';
import type { ScheduleWish } from './wish.js';

const patienceMs = 20_000;

/**
 * Starts a schedule's run now, also where it is paused.
 *
 * @returns the run's workflow id.
 * @throws BusyError where one of its runs is not over yet: Temporal would skip the new one without a word.
 */
export async function triggerNow(client: Client, wish: ScheduleWish, taskQueue: string): Promise<string> {
  const { info } = await describeApplied(client, wish, taskQueue);
  const [running] = info.runningActions;
  if (running !== undefined) {
    throw new BusyError({
      what: `${titleOf(wish)} runs already: ${running.workflow.workflowId}.`,
      means: 'Of one schedule only one run goes at a time. Nothing was started.',
      todo: `Wait for it: pgdrill status ${running.workflow.workflowId} --follow`,
    });
  }
  const before = info.numActionsTaken;
  // Without SKIP the SDK asks for ALLOW_ALL, and Temporal does not count such a run as running.
  await client.schedule.getHandle(wish.id).trigger(ScheduleOverlapPolicy.SKIP);
  // The trigger is only noted by Temporal; the run begins a moment later.
  const deadline = Date.now() + patienceMs;
  while (Date.now() < deadline) {
    const { info: now } = await describeApplied(client, wish, taskQueue);
    const newest = now.recentActions.at(-1);
    if (now.numActionsTaken > before && newest !== undefined) return newest.action.workflow.workflowId;
    await sleep(100);
  }
  throw new UnreachableError({
    what: `Temporal took the order to run ${titleOf(wish)}, and has not started it within ${patienceMs / 1_000} s.`,
    means: 'It may still start; or another run began in the same moment and this one was skipped.',
    todo: 'Look: pgdrill policies list',
  });
}
