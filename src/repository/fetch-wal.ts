import { makePrivateDirectory } from '../files/durable.js';
import { bigIntToLsn, compareLsn } from '../postgres/lsn.js';
import { historyFile, isInHistory, readTimelineHistory, type TimelineSpan } from '../postgres/timeline.js';
import { segmentName, segmentNumberOf } from '../postgres/wal-segment.js';
import { forgetUnused, isFetched, runRestoreCommand } from './restore-command.js';
import type { Wal } from './wal-mode.js';

/**
 * So many segments behind the first missing one are asked for: where one of them is there, the archive has a gap. Nothing else tells a gap
 * from the archive's end where an archive cannot be listed.
 */
const lookBehindGap = 3;

export interface WantedWal {
  /** Where fetched files lie: what everything else takes for the archive. */
  walDirectory: string;
  segmentSizeBytes: number;
  /** A place before which nothing is needed, such as a backup's end. */
  from: { timeline: number; lsn: string };
  /** Behind the segment with the last byte that is needed; else all that is there is. */
  to?: string | undefined;
  /** The timeline to follow; the newest otherwise. */
  timeline?: number | undefined;
}

/**
 * Brings the WAL of a stretch, and the timeline histories that lead through it, into the directory that everything else reads, where only a
 * command reaches the archive (`wal.mode: command`). What was fetched before is not fetched again. In other modes there is nothing to do.
 *
 * @throws UnreachableError where the archive cannot be reached; RepositoryError where it gives something that is no WAL segment.
 */
export async function fetchWal(wal: Wal | undefined, wanted: WantedWal, signal: AbortSignal): Promise<void> {
  if (wal?.mode !== 'command') return;
  const { walDirectory, segmentSizeBytes, from, timeline } = wanted;
  const get = (name: string, sizeBytes?: number): Promise<boolean> =>
    runRestoreCommand(wal, { walDirectory, name, ...(sizeBytes === undefined ? {} : { sizeBytes }) }, signal);
  await fetchTimelines(
    wal,
    { walDirectory, timelines: [from.timeline, ...(timeline === undefined ? [] : [timeline])] },
    signal,
  );
  await forgetUnused(walDirectory);
  for (const history of await linesFrom(walDirectory, from, timeline)) {
    const own = history.at(-1)?.timeline ?? from.timeline;
    const began = history.at(-2)?.endLsn;
    // Of a timeline that has only just begun nothing may be archived yet: then the one before goes on.
    if (began !== undefined && timeline === undefined) {
      const first = segmentName({ timeline: own, number: segmentNumberOf(began, segmentSizeBytes) }, segmentSizeBytes);
      if (compareLsn(began, from.lsn) > 0 && !(await get(first, segmentSizeBytes))) continue;
    }
    await fetchAlong(history, wanted, (name) => get(name, segmentSizeBytes));
    return;
  }
}

/**
 * Fetches the history files of timelines, and of those that came after them, as a server looks for the newest one.
 *
 * @returns the newest; undefined in other modes.
 */
export async function fetchTimelines(
  wal: Wal | undefined,
  { walDirectory, timelines }: { walDirectory: string; timelines: readonly number[] },
  signal: AbortSignal,
): Promise<number | undefined> {
  if (wal?.mode !== 'command') return undefined;
  await makePrivateDirectory(walDirectory);
  for (const timeline of new Set(timelines))
    if (timeline > 1) await runRestoreCommand(wal, { walDirectory, name: historyFile(timeline) }, signal);
  for (let next = Math.max(1, ...timelines) + 1; ; next += 1)
    if (!(await runRestoreCommand(wal, { walDirectory, name: historyFile(next) }, signal))) return next - 1;
}

/** The lines of timelines through a place, the newest first, of which the history is known. */
async function linesFrom(
  walDirectory: string,
  from: WantedWal['from'],
  timeline: number | undefined,
): Promise<TimelineSpan[][]> {
  let newest = timeline ?? from.timeline;
  while (timeline === undefined && (await isFetched(walDirectory, historyFile(newest + 1)))) newest += 1;
  const lines: TimelineSpan[][] = [];
  for (let each = newest; each >= (timeline ?? from.timeline); each -= 1) {
    const history =
      (await readTimelineHistory(walDirectory, each)) ?? (each === from.timeline ? [{ timeline: each }] : undefined);
    if (history !== undefined && isInHistory(history, from)) lines.push(history);
  }
  return lines;
}

async function fetchAlong(
  history: readonly TimelineSpan[],
  { segmentSizeBytes, from, to }: WantedWal,
  get: (name: string) => Promise<boolean>,
): Promise<void> {
  const size = BigInt(segmentSizeBytes);
  const first = segmentNumberOf(from.lsn, segmentSizeBytes);
  /** As recovery does: of the timelines that can have a segment, the youngest first. */
  const fetchOne = async (number: bigint): Promise<boolean> => {
    for (const [index, { timeline, endLsn }] of [...history.entries()].reverse()) {
      const began = history[index - 1]?.endLsn;
      if (began !== undefined && number < segmentNumberOf(began, segmentSizeBytes)) continue;
      if (endLsn !== undefined && number > segmentNumberOf(endLsn, segmentSizeBytes)) continue;
      if (await get(segmentName({ timeline, number }, segmentSizeBytes))) return true;
    }
    return false;
  };
  let number = first;
  while (to === undefined || compareLsn(bigIntToLsn(number * size), to) < 0) {
    if (!(await fetchOne(number))) break;
    number += 1n;
  }
  if (to !== undefined && compareLsn(bigIntToLsn(number * size), to) >= 0) return;
  const behind = Array.from({ length: lookBehindGap }, (_, at) => number + BigInt(at + 1));
  const last = to === undefined ? [] : [segmentNumberOf(to, segmentSizeBytes) - 1n];
  for (const each of [...behind, ...last]) if (each > number && (await fetchOne(each))) return;
}
