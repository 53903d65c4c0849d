import { setTimeout as sleep } from 'node:timers/promises';

import { readLiveRuns } from '../client/live-runs.js';
import { withOwnSignal } from '../client/own-signal.js';
import type { Temporal } from '../client/temporal.js';
import { messageOf } from '../errors.js';
import { onInterrupt } from './interrupt.js';
import { LiveView } from './live-view.js';
import { clearLive, live } from './live-area.js';
import { colors, widthOf } from './terminal.js';

const everyMs = 1_000;
const mostRuns = 50;

/**
 * Shows all that runs, again and again in the same place, until Ctrl-C, which leaves the terminal as it was. A Temporal server that does not answer
 * is said, and asked again.
 */
export async function watchStatus(temporal: Temporal): Promise<void> {
  const view = new LiveView();
  const stop = new AbortController();
  const release = onInterrupt(() => stop.abort());
  try {
    for (;;) {
      const lines = await withOwnSignal(stop.signal, (signal) =>
        temporal.client.withAbortSignal(signal, () => look(temporal, view)),
      );
      if (stop.signal.aborted) return;
      live(lines);
      await sleep(everyMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  } finally {
    clearLive();
    release();
  }
}

async function look(temporal: Temporal, view: LiveView): Promise<string[]> {
  try {
    return view.draw(await readLiveRuns(temporal, mostRuns), new Date(), widthOf(process.stderr) ?? 80);
  } catch (error) {
    return [`${colors.yellow('Temporal does not answer')} (${temporal.address}): ${messageOf(error)}`];
  }
}
