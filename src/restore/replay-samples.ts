import type { Replay } from '../schema/results.js';

const mostSamples = 200;

/** How far replay was and when, in a list that never grows beyond 200: where it would, every second one goes and fewer are taken. */
export class ReplaySamples {
  private samples: { atMs: number; lsn: string }[] = [];
  private last: { atMs: number; lsn: string } | undefined;
  private leastGapMs = 0;

  /** @param atMs of a clock that only goes forward. */
  add(atMs: number, lsn: string): void {
    this.last = { atMs, lsn };
    const before = this.samples.at(-1);
    if (before !== undefined && atMs - before.atMs < this.leastGapMs) return;
    this.samples.push(this.last);
    // One place is kept for the last sample, which is always told.
    if (this.samples.length < mostSamples) return;
    const [first, end] = [this.samples[0]?.atMs ?? atMs, atMs];
    this.samples = this.samples.filter((_, index) => index % 2 === 0);
    this.leastGapMs = (end - first) / (mostSamples / 2);
  }

  /** Seconds since the first sample, rounded to milliseconds; the newest sample is always among them. */
  list(): NonNullable<Replay['samples']> {
    const { last } = this;
    const all = last === undefined || this.samples.at(-1) === last ? this.samples : [...this.samples, last];
    const first = all[0]?.atMs ?? 0;
    return all.map(({ atMs, lsn }) => ({ seconds: Math.round(atMs - first) / 1_000, lsn }));
  }
}
