import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { firstCommitIn } from '../../postgres/first-commit.js';
import { bigIntToLsn } from '../../postgres/lsn.js';
import type { TimelineSpan } from '../../postgres/timeline.js';
import { segmentNumberOf } from '../../postgres/wal-segment.js';
import { listWalFiles, type WalFile } from '../../repository/wal-files.js';
import type { WorstRpo } from '../../schema/results.js';
import type { PostgresTools } from '../../toolchain/postgres.js';

/** By so much the clocks of source and repository may differ before nothing is said: less would call every small skew a fault. */
const toleratedSkewMs = 2_000;

/** A drill waits no longer for this figure; then it says between which two it lies. */
export const mostMs = 20_000;

/** What could be worse by less than this is not looked for: 1 s, or a tenth. */
const closeEnough = (seconds: number): number => Math.max(1, seconds / 10);

interface Segment {
  file: WalFile;
  arrivedAtMs: number;
  /** When it and all segments before it had arrived: only then its commits could be restored. */
  savedAtMs: number;
}

export interface WorstRpoRequest {
  walDirectory: string;
  segmentSizeBytes: number;
  /** The timelines that lead to the source's. */
  history: readonly TimelineSpan[];
  /** The window: from the last drill's simulated failure (else the first backup's end) to this one's. */
  since: string | undefined;
  until: string;
  signal: AbortSignal;
}

/**
 * The worst RPO that the archive's own arrival times show: had the source been lost at the worst moment of the window, how old would the
 * oldest lost commit have been? Just before a segment arrives, every commit in it is still lost, so for each segment that is the time from
 * its first commit until it and all before it had arrived; the worst is the largest (docs/clock.md says what that cannot see).
 *
 * Not every segment is read: what lies between two readings cannot be worse than from the earlier one's first commit to the later one's
 * arrival, and where that is no worse than what was found, it is passed over.
 */
export async function measureWorstRpo(tools: PostgresTools, request: WorstRpoRequest): Promise<WorstRpo> {
  const { since, until } = request;
  const all = await contiguousUntil(request);
  const fromMs = since === undefined ? -Infinity : Date.parse(since);
  const window = all.filter(({ savedAtMs }) => savedAtMs > fromMs);
  const began = since ?? isoOf(window[0]?.arrivedAtMs) ?? until;
  const base = { since: began, until, segments: window.length };
  const firstCommit = ({ file: { timeline, number } }: Segment): Promise<number | undefined> => {
    const { walDirectory, segmentSizeBytes, signal } = request;
    const [from, to] = [number, number + 1n].map((each) => bigIntToLsn(each * BigInt(segmentSizeBytes)));
    const range = { walDirectory, segmentSizeBytes, timeline, from: from ?? '', to: to ?? '' };
    return firstCommitIn(tools, range, signal);
  };
  const deadline = performance.now() + mostMs;
  const worst = await worstExposure(window, firstCommit, () => performance.now() < deadline);
  if (worst === undefined) return { ...base, seconds: 0 };
  const { segment, committedAtMs, seconds } = worst;
  const place = {
    segment: segment.file.segment,
    committedAt: new Date(committedAtMs).toISOString(),
    savedAt: new Date(segment.savedAtMs).toISOString(),
  };
  if (seconds * 1_000 < -toleratedSkewMs) {
    return {
      ...base,
      unknown: `segment ${place.segment} is dated ${place.savedAt}, before its first commit at ${place.committedAt}: the dates in the archive are not those of arrival (a copy that keeps dates), or the clocks of source and repository differ`,
    };
  }
  return {
    ...base,
    seconds: Math.max(0, seconds),
    ...(worst.atMostSeconds === undefined ? {} : { atMostSeconds: worst.atMostSeconds }),
    ...place,
  };
}

export interface Exposure<Item> {
  segment: Item;
  committedAtMs: number;
  seconds: number;
  /** Where not all that could be worse was looked at: it is no more than this. */
  atMostSeconds?: number;
}

/**
 * The largest time from a segment's first commit until it was saved; where one lies clearly before its commit, that one instead. What could
 * be worst is looked at first.
 *
 * @param firstCommit in milliseconds since 1970; undefined where the segment has none. Commits are taken to be in the order of time.
 * @param goOn asked before each look.
 */
export async function worstExposure<Item extends { savedAtMs: number }>(
  segments: readonly Item[],
  firstCommit: (segment: Item) => Promise<number | undefined>,
  goOn: () => boolean = () => true,
): Promise<Exposure<Item> | undefined> {
  let worst: Exposure<Item> | undefined;
  const ranges = [{ from: 0, to: segments.length - 1, noCommitBefore: -Infinity }];
  const atMost = ({ to, noCommitBefore }: (typeof ranges)[number]): number =>
    ((segments[to]?.savedAtMs ?? -Infinity) - noCommitBefore) / 1_000;
  for (;;) {
    const next = ranges.reduce(
      (best, range, index) => (atMost(range) > atMost(ranges[best] ?? range) ? index : best),
      0,
    );
    const [range] = ranges.splice(next, 1);
    if (range === undefined || (worst !== undefined && atMost(range) <= worst.seconds)) return worst;
    if (worst !== undefined && Number.isFinite(atMost(range))) {
      const near = atMost(range) <= worst.seconds + closeEnough(worst.seconds);
      if (near || !goOn()) return { ...worst, atMostSeconds: atMost(range) };
    }
    const { from, to, noCommitBefore } = range;
    const middle = Math.floor((from + to) / 2);
    const segment = segments[middle];
    if (segment === undefined) continue;
    const committedAtMs = await firstCommit(segment);
    if (committedAtMs !== undefined) {
      const found = { segment, committedAtMs, seconds: (segment.savedAtMs - committedAtMs) / 1_000 };
      if (found.seconds * 1_000 < -toleratedSkewMs) return found;
      if (worst === undefined || found.seconds > worst.seconds) worst = found;
    }
    if (from < middle) ranges.push({ from, to: middle - 1, noCommitBefore });
    if (middle < to) ranges.push({ from: middle + 1, to, noCommitBefore: committedAtMs ?? noCommitBefore });
  }
}

/** The segments on the line that had arrived by the window's end, back to the first that is missing, in the order of the WAL. */
async function contiguousUntil(request: WorstRpoRequest): Promise<Segment[]> {
  const { walDirectory, segmentSizeBytes, history, until } = request;
  const files = [...(await listWalFiles(walDirectory, segmentSizeBytes)).values()].filter(
    ({ form }) => form !== 'partial',
  );
  const onLine = new Map<bigint, WalFile>();
  for (const { timeline, endLsn } of history) {
    const left = endLsn === undefined ? undefined : segmentNumberOf(endLsn, segmentSizeBytes);
    // The younger timeline's copy of a segment that both have is the one that counts.
    for (const file of files)
      if (file.timeline === timeline && (left === undefined || file.number <= left)) onLine.set(file.number, file);
  }
  const newestFirst = [...onLine.values()].sort((a, b) => (a.number < b.number ? 1 : -1));
  const found: Omit<Segment, 'savedAtMs'>[] = [];
  for (const file of newestFirst) {
    const previous = found.at(-1);
    if (previous !== undefined && previous.file.number - file.number !== 1n) break;
    const arrivedAtMs = await stat(join(walDirectory, file.name)).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
    if (arrivedAtMs === undefined) break;
    if (arrivedAtMs <= Date.parse(until)) found.push({ file, arrivedAtMs });
  }
  let savedAtMs = -Infinity;
  return found.reverse().map((segment) => {
    savedAtMs = Math.max(savedAtMs, segment.arrivedAtMs);
    return { ...segment, savedAtMs };
  });
}

function isoOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
