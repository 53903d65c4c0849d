import { setTimeout as sleep } from 'node:timers/promises';

import type { Stack } from '../embedded/stack.js';
import { ToolchainError } from '../errors.js';
import { isRunning } from '../process/process-identity.js';

/** What asks a command in the foreground to end: Ctrl-C, a service manager, a terminal that is closed. */
export const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Waits for Ctrl-C or another of the signals that ask to end.
 *
 * @throws ToolchainError when a part of the stack dies meanwhile.
 */
export async function untilStopped(stack: Stack): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const signal of stopSignals) process.once(signal, onSignal);
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
    for (const signal of stopSignals) process.removeListener(signal, onSignal);
  }
}
