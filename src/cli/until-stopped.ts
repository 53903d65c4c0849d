import { setTimeout as sleep } from 'node:timers/promises';

import type { Stack } from '../embedded/stack.js';
import { ToolchainError } from '../errors.js';
import { isRunning } from '../process/process-identity.js';

/**
 * Waits for Ctrl-C or SIGTERM.
 *
 * @throws ToolchainError when a part of the stack dies meanwhile.
 */
export async function untilStopped(stack: Stack): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    for (;;) {
      await sleep(1_000, undefined, { signal: stop.signal }).catch(() => undefined);
      if (stop.signal.aborted) return;
      const dead = !isRunning(stack.worker)
        ? { what: 'worker', log: stack.workerLog }
        : !isRunning(stack.temporal.process)
          ? { what: 'Temporal server', log: stack.temporal.logFile }
          : undefined;
      if (dead === undefined) continue;
      throw new ToolchainError({
        what: `The ${dead.what} stopped by itself.`,
        means: 'Nothing more is done until it runs again; drills in progress wait.',
        todo: `Its log says why: ${dead.log}. Then start pgdrill dev again.`,
      });
    }
  } finally {
    process.removeListener('SIGINT', onSignal).removeListener('SIGTERM', onSignal);
  }
}
