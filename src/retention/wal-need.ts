import { segmentNumberOf } from '../postgres/wal-segment.js';
import { isInForce } from '../repository/holds.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Branch } from './branches.js';
import type { RetentionFacts } from './facts.js';
import type { WalFile } from './wal-file.js';

/** Segments of one timeline that are needed; without `last`, all from the first on. */
interface Range {
  first: bigint;
  last?: bigint | undefined;
}

/**
 * Which files of the archive are needed.
 *
 * - On every branch with moments in the window: all from the segment in which its first anchor begins.
 * - Of every backup that stays: the segments from its start to its end, both included.
 * - What a hold names.
 * - History files of every timeline that leads to a backup or to WAL that stays.
 *
 * @param remaining backups that are there afterwards.
 * @param anchors of each active branch.
 */
export function neededWal(
  facts: RetentionFacts,
  remaining: readonly BackupRecord[],
  anchors: ReadonlyMap<Branch, readonly BackupRecord[]>,
): (file: WalFile) => boolean {
  const { wal, now } = facts;
  const size = wal.archive.segmentSizeBytes;
  const holds = facts.holds.filter((hold) => isInForce(hold, now));
  // Where a timeline came from is not known, nor is what leads to it: nothing can be told to be needless.
  if (!wal.owned || wal.withoutHistory.length > 0 || hasMixedSizes(facts) || holds.some(({ everything }) => everything))
    return () => true;
  const ranges = new Map<number, Range[]>();
  const need = (timeline: number, range: Range): void => {
    ranges.set(timeline, [...(ranges.get(timeline) ?? []), range]);
  };
  const needFrom = (history: Branch['history'], first: bigint): void => {
    for (const { timeline, endLsn } of history)
      need(timeline, { first, last: endLsn === undefined ? undefined : segmentNumberOf(endLsn, size) });
  };
  for (const [branch, backups] of anchors) {
    const starts = backups.map(({ startLsn }) => segmentNumberOf(startLsn, size));
    needFrom(branch.history, starts.length === 0 ? 0n : starts.reduce((a, b) => (a < b ? a : b)));
  }
  for (const { timeline, startLsn, endLsn } of remaining)
    need(timeline, { first: segmentNumberOf(startLsn, size), last: segmentNumberOf(endLsn, size) });
  for (const hold of holds) {
    if (hold.wal === undefined) continue;
    const first = segmentNumberOf(hold.wal.from, size);
    const history = wal.histories.get(hold.wal.timeline);
    if (history !== undefined) needFrom(history, first);
    else for (const timeline of wal.histories.keys()) need(timeline, { first });
  }
  const merged = new Map([...ranges].map(([timeline, each]) => [timeline, merge(each)]));
  const isNeeded = ({ timeline, segment }: WalFile): boolean =>
    segment !== undefined && covers(merged.get(timeline) ?? [], segment);
  const lineages = lineagesOf(facts, [...remaining, ...wal.files.filter(isNeeded)]);
  return (file) => (file.segment === undefined ? lineages.has(file.timeline) : isNeeded(file));
}

/** Why nothing of the archive is deleted at all, where that is so. */
export function whyNoWalGoes(facts: RetentionFacts): string | undefined {
  const { wal } = facts;
  if (!wal.owned) return 'No WAL is deleted: the archive is not pgdrill’s own, and whoever fills it has to clear it.';
  if (wal.withoutHistory.length > 0) {
    return `No WAL is deleted: the history file of timeline ${wal.withoutHistory.join(', ')} is missing in ${wal.archive.directory}, so nobody can tell which WAL leads there. Bring it back (the source’s pg_wal, a standby).`;
  }
  if (hasMixedSizes(facts))
    return 'No WAL is deleted: the backups are of different WAL segment sizes, so file names do not say where WAL lies.';
  return undefined;
}

function hasMixedSizes({ backups }: RetentionFacts): boolean {
  return new Set(backups.map(({ walSegmentSizeBytes }) => walSegmentSizeBytes)).size > 1;
}

/** The timelines that lead to what stays. One that is younger than all has perhaps only just begun. */
function lineagesOf({ wal }: RetentionFacts, staying: readonly { timeline: number }[]): Set<number> {
  const timelines = new Set(staying.map(({ timeline }) => timeline));
  const youngest = Math.max(...wal.histories.keys(), 0);
  timelines.add(youngest);
  for (const timeline of [...timelines])
    for (const ancestor of wal.histories.get(timeline) ?? []) timelines.add(ancestor.timeline);
  return timelines;
}

/** Joins what overlaps, in order, so that thousands of backups cost nothing per file. */
function merge(ranges: readonly Range[]): Range[] {
  const joined: Range[] = [];
  // A timeline that ends before the anchor begins has nothing to give.
  const real = ranges.filter(({ first, last }) => last === undefined || last >= first);
  for (const range of real.sort((a, b) => (a.first < b.first ? -1 : 1))) {
    const last = joined.at(-1);
    if (last === undefined || (last.last !== undefined && range.first > last.last)) joined.push({ ...range });
    else if (last.last !== undefined && (range.last === undefined || range.last > last.last)) last.last = range.last;
  }
  return joined;
}

function covers(ranges: readonly Range[], segment: bigint): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.first ?? 0n) <= segment) low = middle + 1;
    else high = middle;
  }
  const range = ranges[low - 1];
  return range !== undefined && (range.last === undefined || segment <= range.last);
}
