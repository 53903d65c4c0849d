import { bigIntToLsn, compareLsn, lsnToBigInt, maxLsn } from '../postgres/lsn.js';
import { isInHistory, readTimelineHistory, type TimelineSpan } from '../postgres/timeline.js';
import { isUsable } from '../repository/chains.js';
import { continuityFrom, listWalArchive, type WalArchive } from '../repository/wal-archive.js';
import { reachOf } from '../repository/wal-reach.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { chooseLine } from './choose-line.js';

/** A stretch of a timeline to any place of which the repository can restore. */
export interface RecoverableRange {
  timeline: number;
  /** The end of a backup, or where the timeline left the one before. */
  from: string;
  /** When that backup ended; absent where the range begins with the timeline. */
  fromTime?: string;
  /** The end of the last archived segment without a gap; of the last backup, where nothing behind it is archived. */
  to: string;
  /** The first segment that is missing behind it, where later ones are there. */
  gap?: string;
  /** What lies behind this was left behind by a failover: targets there have to name the timeline. Absent where nothing was. */
  abandonedFrom?: string;
}

/**
 * Which targets the repository can reach, per timeline, by its records and the names of its WAL segments. Only a segment that is still
 * being received is read.
 */
export async function recoverableRanges(
  tools: PostgresTools,
  backups: readonly BackupRecord[],
  walDirectory: string,
  signal: AbortSignal,
): Promise<RecoverableRange[]> {
  const [first] = backups;
  if (first === undefined) return [];
  const archive = await listWalArchive(walDirectory, first.walSegmentSizeBytes);
  const timelines = new Set([...archive.segments.keys(), ...backups.map(({ timeline }) => timeline)]);
  const ranges: RecoverableRange[] = [];
  const newest = await chooseLine({ walDirectory, target: { kind: 'latest' }, fence: undefined }, backups);
  for (const timeline of [...timelines].sort((a, b) => a - b)) {
    const history = await readTimelineHistory(archive.directory, timeline);
    if (history === undefined) continue;
    for (const range of rangesOn(history, backups, archive)) {
      // What is still being received counts, as far as it has come.
      const { endLsn = range.to } = await reachOf(tools, archive, history, range.from, signal);
      const whole = { ...range, to: maxLsn(range.to, endLsn) };
      const abandonedFrom = whereAbandoned(newest.history, whole);
      ranges.push({ ...whole, ...(abandonedFrom === undefined ? {} : { abandonedFrom }) });
    }
  }
  return ranges;
}

/** @param line the timelines that a restore follows unless told otherwise. */
export function whereAbandoned(
  line: readonly TimelineSpan[],
  range: Pick<RecoverableRange, 'timeline' | 'from' | 'to'>,
): string | undefined {
  const span = line.find(({ timeline }) => timeline === range.timeline);
  if (span === undefined) return range.from;
  if (span.endLsn === undefined || compareLsn(range.to, span.endLsn) <= 0) return undefined;
  return maxLsn(range.from, span.endLsn);
}

/** @param history the timelines that lead to the one in question, itself last. */
export function rangesOn(
  history: readonly TimelineSpan[],
  backups: readonly BackupRecord[],
  archive: WalArchive,
): RecoverableRange[] {
  const timeline = history.at(-1)?.timeline ?? 1;
  const fork = history.at(-2)?.endLsn;
  const ranges: RecoverableRange[] = [];
  for (const backup of [...backups].sort((a, b) => compareLsn(a.endLsn, b.endLsn))) {
    if (!isUsable(backups, backup) || !isInHistory(history, { timeline: backup.timeline, lsn: backup.endLsn }))
      continue;
    const { endLsn = backup.endLsn, gap } = continuityFrom(archive, history, backup.endLsn);
    const to = maxLsn(endLsn, backup.endLsn);
    // What lies before the fork belongs to the older timeline.
    const inherited = fork !== undefined && compareLsn(backup.endLsn, fork) < 0;
    if (inherited && compareLsn(to, fork) <= 0) continue;
    const last = ranges.at(-1);
    if (last !== undefined && compareLsn(backup.endLsn, last.to) <= 0) {
      if (compareLsn(to, last.to) > 0) last.to = to;
      continue;
    }
    ranges.push({
      timeline,
      ...(inherited ? { from: fork } : { from: backup.endLsn, fromTime: backup.finishedAt }),
      to,
      ...(gap === undefined ? {} : { gap }),
    });
  }
  return ranges;
}

/** The LSNs as far as one segment back from a range's end: where to look for its last commit. */
export function lastSegmentsOf({ from, to }: RecoverableRange, segmentSizeBytes: number, segments: number): string {
  const back = lsnToBigInt(to) - BigInt(segmentSizeBytes * segments);
  return back > 0n ? maxLsn(from, bigIntToLsn(back)) : from;
}
