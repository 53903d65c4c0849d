import { setTimeout as sleep } from 'node:timers/promises';

import type { Connection } from '../../postgres/connection.js';

/** Of six parts of the time, a connection reads in one while others are at work on the source: two of them then cost it a third of a core. */
const restAfterWork = 5;

/** How far the reading is, and how long it may take; times by performance.now(). */
export interface Pace {
  startedAt: number;
  /** When everything has to be read. */
  deadline: number;
  doneBytes: number;
  totalBytes: number;
}

/**
 * How long a connection rests after a piece of work, so that a busy source keeps its throughput.
 *
 * None where nobody else is at work there, and none while the reading is behind the time that it has: a snapshot that has to be let go
 * before everything was read proves nothing.
 *
 * @param others sessions that are at work on the source beside ours.
 * @returns milliseconds.
 */
export function restMs(workedMs: number, others: number, pace: Pace, now: number): number {
  if (others === 0) return 0;
  const shareOfTime = (now - pace.startedAt) / (pace.deadline - pace.startedAt);
  const shareDone = pace.totalBytes === 0 ? 1 : pace.doneBytes / pace.totalBytes;
  // Half of the time is kept for what the estimates do not know.
  if (shareOfTime * 2 > shareDone + 0.05) return 0;
  return workedMs * restAfterWork;
}

/** Rests as `restMs` says. */
export async function rest(client: Connection, workedMs: number, pace: Pace, signal: AbortSignal): Promise<void> {
  const { rows } = await client.query<{ others: number }>({
    name: 'pgdrill-others',
    text: `
      select count(*)::int as others
      from pg_catalog.pg_stat_activity
      where state = 'active'
        and backend_type = 'client backend'
        and application_name is distinct from current_setting('application_name')
    `,
  });
  const ms = restMs(workedMs, rows[0]?.others ?? 0, pace, performance.now());
  if (ms > 1) await sleep(ms, undefined, { signal });
}
