import { setTimeout as sleep } from 'node:timers/promises';

import { messageOf, PgdrillError } from '../errors.js';
import type { StepContext } from '../process/step-context.js';
import { defaultAlarmAfterMs, type WatchOptions } from './watch.js';

const askEveryMs = 5_000;

/**
 * Waits for a source that does not answer when a stream (or its worker) starts, for as long as it takes: nothing is received meanwhile, and
 * that is an alarm as later on.
 *
 * @throws what no time mends.
 */
export async function awaitSource<T>(
  ask: () => Promise<T>,
  { alarms, alarmAfterMs = defaultAlarmAfterMs }: Pick<WatchOptions, 'alarms' | 'alarmAfterMs'>,
  context: StepContext,
): Promise<T> {
  const since = performance.now();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof PgdrillError) || !error.retryable) throw error;
      const waitedMs = performance.now() - since;
      const seconds = Math.round(waitedMs / 1_000);
      const message = `No WAL has been received for ${seconds} s: ${messageOf(error).split('\n')[0] ?? ''}`;
      context.progress({ doing: message });
      if (waitedMs >= alarmAfterMs)
        await alarms
          .tell({ subject: 'stream', kind: 'wal_stream_down', severity: 'critical', message, figures: { seconds } })
          .catch(() => undefined); // it is given at the next try
      await sleep(Math.min(askEveryMs, alarmAfterMs), undefined, { signal: context.signal });
    }
  }
}
