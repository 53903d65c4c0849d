import { setTimeout as sleep } from 'node:timers/promises';

/** Waits shorter than this are saved up: timers are not exact enough for them. */
const leastWaitMs = 20;

/** Keeps reading below so many bytes a second, over the long run and within a fraction of a second. */
export class Rate {
  /** When all that was taken so far may have been read. */
  private dueMs = 0;

  /** @param bytesPerSecond no bound where absent. */
  constructor(
    private readonly bytesPerSecond: number | undefined,
    private readonly signal: AbortSignal,
    private readonly clock: { now: () => number; sleep: (ms: number) => Promise<unknown> } = {
      now: () => performance.now(),
      sleep: (ms) => sleep(ms, undefined, { signal }),
    },
  ) {}

  /**
   * Call it after each piece was read: waits until that was allowed to be done.
   *
   * @throws the signal's reason when it is aborted meanwhile.
   */
  async spent(bytes: number): Promise<void> {
    this.signal.throwIfAborted();
    if (this.bytesPerSecond === undefined) return;
    const now = this.clock.now();
    // What was not used while nothing was read is not saved up.
    this.dueMs = Math.max(this.dueMs, now) + (bytes / this.bytesPerSecond) * 1_000;
    if (this.dueMs - now < leastWaitMs) return;
    await this.clock.sleep(this.dueMs - now).catch((error: unknown) => {
      this.signal.throwIfAborted();
      throw error;
    });
  }
}
