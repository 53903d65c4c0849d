import { clearLive } from './live-area.js';

/** What a shell makes of SIGINT. */
const interruptedExitCode = 130;

/**
 * Ctrl-C: the first one calls `first`, the second ends this process at once, whatever it waits for.
 *
 * @returns takes this back.
 */
export function onInterrupt(first: () => void): () => void {
  let pressed = 0;
  const listener = (): void => {
    pressed += 1;
    if (pressed === 1) {
      first();
      return;
    }
    clearLive();
    // What is still open is what must not be waited for.
    process.exit(interruptedExitCode);
  };
  process.on('SIGINT', listener);
  return () => void process.removeListener('SIGINT', listener);
}
