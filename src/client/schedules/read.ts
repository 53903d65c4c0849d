import { type Client, type ScheduleDescription, ScheduleNotFoundError } from '@temporalio/client';

import { type ActualSchedule, fromTemporal, readIdentity } from './to-temporal.js';
import type { ScheduleWish } from './wish.js';

/** A schedule as we read it, and as Temporal told it. */
export interface ReadSchedule extends ActualSchedule {
  described: ScheduleDescription;
}

/**
 * Reads the schedules that matter: those with a wished id, whoever made them, and all that this installation (task queue) made.
 *
 * The wished ones are asked for one by one: Temporal's list is built from its index, which is seconds behind.
 *
 * @param cluster only this one's.
 */
export async function readSchedules(
  client: Client,
  wishes: readonly ScheduleWish[],
  taskQueue: string,
  cluster?: string,
): Promise<ReadSchedule[]> {
  const ids = new Set(wishes.map(({ id }) => id));
  for await (const { scheduleId, memo } of client.schedule.list()) {
    // The janitor's schedule is pgdrill's too, and of no cluster.
    if (memo?.['madeBy'] !== 'pgdrill' || memo['cluster'] === undefined) continue;
    const identity = readIdentity(memo);
    if (identity.taskQueue === taskQueue && (cluster === undefined || identity.cluster === cluster))
      ids.add(scheduleId);
  }
  const found: ReadSchedule[] = [];
  for (const id of ids) {
    const described = await describe(client, id);
    if (described !== undefined) found.push({ ...fromTemporal(described), described });
  }
  return found;
}

/** @returns undefined where there is none (any more). */
export async function describe(client: Client, id: string): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(id).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}
