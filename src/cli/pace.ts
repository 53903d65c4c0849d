/** So far back the pace is measured: long enough to be steady, short enough to follow a change. */
const windowMs = 30_000;

/** Less than this says nothing yet. */
const leastMs = 1_000;

export interface Pace {
  bytesPerSecond: number;
  /** Until all is done, at this pace; absent where it is not known how much there is. */
  secondsLeft?: number;
}

/** How fast a step goes, from what it says of itself now and then. */
export class PaceMeter {
  private seen: { atMs: number; doneBytes: number }[] = [];
  private totalBytes: number | undefined;

  /**
   * Takes a look at the step.
   *
   * @param atMs when, on a clock that only goes forward.
   * @returns its pace, or undefined where nothing has moved for long enough to tell.
   */
  add(atMs: number, { doneBytes, totalBytes }: { doneBytes?: number; totalBytes?: number }): Pace | undefined {
    const last = this.seen.at(-1);
    // Another file, another try: what was measured before says nothing of it.
    if (totalBytes !== this.totalBytes || (doneBytes ?? 0) < (last?.doneBytes ?? 0)) this.seen = [];
    this.totalBytes = totalBytes;
    if (doneBytes === undefined) return undefined;
    // Heartbeats arrive in bounds: only what has changed counts, at the moment when it was seen.
    if (doneBytes !== this.seen.at(-1)?.doneBytes) this.seen.push({ atMs, doneBytes });
    this.seen = this.seen.filter((sample) => atMs - sample.atMs <= windowMs);
    const [from, to] = [this.seen[0], this.seen.at(-1)];
    if (from === undefined || to === undefined || to.atMs - from.atMs < leastMs) return undefined;
    const bytesPerSecond = ((to.doneBytes - from.doneBytes) * 1_000) / (to.atMs - from.atMs);
    if (bytesPerSecond <= 0) return undefined;
    return {
      bytesPerSecond,
      ...(totalBytes === undefined ? {} : { secondsLeft: Math.max(0, totalBytes - doneBytes) / bytesPerSecond }),
    };
  }
}
