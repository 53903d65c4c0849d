/** Given one line of progress, without a line feed, whenever there is something to say. */
export type Progress = (line: string) => void;

/** A person who sees nothing for this long starts to wonder. */
const stillAtItMs = 15_000;

/** Elapsed time as people say it: `3.2 s`, `45 s`, `3 min 20 s`. */
export function elapsed(durationMs: number): string {
  const seconds = durationMs / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/**
 * Runs a slow step: says what begins, every 15 seconds that it goes on, and at the end how long it took.
 *
 * @param what the step, as a phrase: `downloading PostgreSQL 17.11 with pip`
 * @throws whatever the step throws.
 */
export async function slowStep<T>(progress: Progress, what: string, step: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const soFar = (): string => elapsed(performance.now() - startedAt);
  progress(`${what} …`);
  const timer = setInterval(() => progress(`${what}: ${soFar()} so far`), stillAtItMs);
  try {
    const result = await step();
    progress(`${what}: done in ${soFar()}`);
    return result;
  } catch (error) {
    progress(`${what}: failed after ${soFar()}`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}
