import type { Client } from '@temporalio/client';

import { readOutcome } from '../status.js';
import type { Temporal } from '../temporal.js';
import type { PlannedChange } from './plan.js';
import type { ReadSchedule } from './read.js';
import type { ScheduleKind } from './wish.js';

/** How a schedule stands. Times are ISO 8601 in UTC. */
export interface ScheduleStanding {
  id: string;
  cluster: string;
  kind: ScheduleKind;
  name?: string;
  cron?: string;
  timeZone?: string;
  /** `not applied`: only the configuration knows it. */
  state: 'active' | 'paused' | 'switched off' | 'not applied' | 'not in the configuration' | 'foreign';
  /** Why it is paused. */
  note?: string;
  next?: string;
  last?: { at: string; workflowId: string; outcome: string };
  running?: string[];
  /** Times that it did not start because its previous run was not over, and because Temporal was away for too long. */
  skipped?: number;
  missed?: number;
  /** True where Temporal has something else than the configuration. */
  drift: boolean;
}

/** How each schedule stands, in the order of the plan. */
export async function standings(
  temporal: Temporal,
  changes: readonly PlannedChange[],
  actual: readonly ReadSchedule[],
): Promise<ScheduleStanding[]> {
  const rows: ScheduleStanding[] = [];
  for (const change of changes) {
    const schedule = actual.find(({ id }) => id === change.id);
    rows.push(await standingOf(temporal, change, schedule));
  }
  return rows;
}

async function standingOf(
  temporal: Temporal,
  { id, cluster, kind, name, action, wish }: PlannedChange,
  schedule: ReadSchedule | undefined,
): Promise<ScheduleStanding> {
  const known = { id, cluster, kind, ...(name === undefined ? {} : { name }), drift: action !== 'none' };
  if (schedule === undefined || action === 'foreign') {
    return {
      ...known,
      ...(wish === undefined ? {} : { cron: wish.cron, timeZone: wish.timeZone }),
      state: action === 'foreign' ? 'foreign' : 'not applied',
    };
  }
  const { facets, paused, note } = schedule;
  const { info } = schedule.described;
  const [next] = info.nextActionTimes;
  const last = info.recentActions.at(-1);
  const pause = wish?.enabled === false ? ('switched off' as const) : ('paused' as const);
  return {
    ...known,
    cron: facets.cron,
    timeZone: facets['time zone'],
    state: action === 'remove' ? 'not in the configuration' : paused ? pause : 'active',
    ...(paused && note !== '' ? { note } : {}),
    ...(next === undefined || paused ? {} : { next: next.toISOString() }),
    ...(last === undefined
      ? {}
      : {
          last: {
            at: last.takenAt.toISOString(),
            workflowId: last.action.workflow.workflowId,
            outcome: await outcomeOf(temporal, last.action.workflow),
          },
        }),
    running: info.runningActions.map(({ workflow }) => workflow.workflowId),
    skipped: info.numActionsSkippedOverlap,
    missed: info.numActionsMissedCatchupWindow,
  };
}

/** How a run ended: its verdict, where it has one; the first line of what stopped it; or Temporal's own word. */
async function outcomeOf(temporal: Temporal, { workflowId }: { workflowId: string }): Promise<string> {
  try {
    const { status, result, failure } = await readOutcome(temporal, workflowId);
    if (failure !== undefined) return `failed: ${failure.message.split('\n')[0] ?? failure.type}`;
    if (typeof result === 'object' && result !== null && 'verdict' in result) return String(result.verdict);
    return status;
  } catch {
    return 'unknown'; // Temporal forgets runs after the namespace's retention
  }
}

/** Pauses a schedule, with the reason as its note. */
export async function pause(client: Client, id: string, reason: string): Promise<void> {
  await client.schedule.getHandle(id).pause(reason);
}

/** Lets a schedule go on. */
export async function resume(client: Client, id: string, reason: string): Promise<void> {
  await client.schedule.getHandle(id).unpause(reason);
}
