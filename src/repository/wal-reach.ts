import { bigIntToLsn, compareLsn, maxLsn } from '../postgres/lsn.js';
import type { TimelineSpan } from '../postgres/timeline.js';
import { endOfRecords } from '../postgres/end-of-records.js';
import { segmentNumberOf } from '../postgres/wal-segment.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { type Continuity, continuityFrom, type WalArchive } from './wal-archive.js';

/** A segment that is still being received, and up to where it holds whole records. */
export interface PartialEnd {
  timeline: number;
  number: bigint;
  endLsn: string;
}

/** The segment at which an archive's finished ones end, where it is there as `.partial`: on the youngest timeline that has it. */
export function partialAfter(
  archive: WalArchive,
  history: readonly TimelineSpan[],
  fromLsn: string,
): { timeline: number; number: bigint; spanEnd: string | undefined } | undefined {
  const size = archive.segmentSizeBytes;
  const number = segmentNumberOf(continuityFrom(archive, history, fromLsn).endLsn ?? fromLsn, size);
  for (const { timeline, endLsn } of [...history].reverse()) {
    if (archive.partials?.get(timeline)?.has(number) !== true) continue;
    if (endLsn !== undefined && number > segmentNumberOf(endLsn, size)) continue;
    return { timeline, number, spanEnd: endLsn };
  }
  return undefined;
}

/**
 * How far replay from `fromLsn` gets with all that an archive holds: its finished segments without a gap, and behind them, as the last
 * resort, the whole records of the one that is still being received.
 */
export async function reachOf(
  tools: PostgresTools,
  archive: WalArchive,
  history: readonly TimelineSpan[],
  fromLsn: string,
  signal: AbortSignal,
): Promise<Continuity & { partial?: PartialEnd }> {
  const finished = continuityFrom(archive, history, fromLsn);
  const partial = partialAfter(archive, history, fromLsn);
  if (partial === undefined) return finished;
  const { directory: walDirectory, segmentSizeBytes } = archive;
  const { timeline, number, spanEnd } = partial;
  const boundary = (of: bigint): string => bigIntToLsn(of * BigInt(segmentSizeBytes));
  const range = { walDirectory, timeline, segmentSizeBytes, to: boundary(number + 1n) };
  let end = await endOfRecords(tools, { ...range, from: maxLsn(boundary(number), fromLsn) }, signal);
  // Where one record fills all that was received so far, it began in the segment before.
  if (end === undefined && archive.segments.get(timeline)?.has(number - 1n) === true)
    end = await endOfRecords(tools, { ...range, from: maxLsn(boundary(number - 1n), fromLsn) }, signal);
  if (end === undefined) return finished;
  if (spanEnd !== undefined && compareLsn(end, spanEnd) > 0) end = spanEnd;
  if (compareLsn(end, finished.endLsn ?? fromLsn) <= 0) return finished;
  return { endLsn: end, gap: finished.gap, partial: { timeline, number, endLsn: end } };
}
