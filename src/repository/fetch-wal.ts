import { makePrivateDirectory } from '../files/durable.js';
import { bigIntToLsn, compareLsn, lsnToBigInt } from '../postgres/lsn.js';
import { historyFile, isInHistory, readTimelineHistory, type TimelineSpan } from '../postgres/timeline.js';
import { segmentName, segmentNumberOf, type WalSegment } from '../postgres/wal-segment.js';
import type { KnownReach } from './known-reach.js';
import { forgetUnused, isFetched, runRestoreCommand } from './restore-command.js';
import type { Wal } from './wal-mode.js';

/**
 * Where an archive cannot be listed, nothing tells a gap from its end but to ask for what lies behind: so many segments behind the first
 * missing one, then at twice the distance each time.
 */
const distancesBehind = [1n, 2n, 3n, ...Array.from({ length: 11 }, (_, power) => 4n << BigInt(power))];

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
  /** Told each segment once it is there, in order: true where no later one is needed. */
  enough?: (segment: WalSegment) => Promise<boolean>;
  /** Where the archive may reach: asked for where a segment before is missing. */
  known?: () => Promise<readonly KnownReach[]>;
}

/**
 * Brings the WAL of a stretch, and the timeline histories that lead through it, into the directory that everything else reads, where only a
 * command reaches the archive (`wal.mode: command`). What was fetched before is not fetched again. In other modes there is nothing to do.
 * Where a segment is missing, one that is there behind it is fetched as well: so a gap shows as in any archive.
 *
 * @returns the furthest place that the archive had for certain, where it gives neither that nor anything behind the first missing segment.
 * @throws UnreachableError where the archive cannot be reached; RepositoryError where it gives something that is no WAL segment.
 */
export async function fetchWal(
  wal: Wal | undefined,
  wanted: WantedWal,
  signal: AbortSignal,
): Promise<KnownReach | undefined> {
  if (wal?.mode !== 'command') return undefined;
  const { walDirectory, segmentSizeBytes, from, timeline } = wanted;
  const get = (segment: WalSegment): Promise<boolean> => {
    const name = segmentName(segment, segmentSizeBytes);
    return runRestoreCommand(wal, { walDirectory, name, sizeBytes: segmentSizeBytes }, signal);
  };
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
    if (began !== undefined && timeline === undefined && compareLsn(began, from.lsn) > 0) {
      const itself = [{ timeline: own }];
      const first = segmentNumberOf(began, segmentSizeBytes);
      if ((await fetchOne(itself, first, wanted, get)) === undefined) {
        const { found, lost } = await lookBehind(itself, first, wanted, get);
        if (!found && lost === undefined) continue;
      }
    }
    return await fetchAlong(history, wanted, get);
  }
  return undefined;
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

type Get = (segment: WalSegment) => Promise<boolean>;

async function fetchAlong(
  history: readonly TimelineSpan[],
  wanted: WantedWal,
  get: Get,
): Promise<KnownReach | undefined> {
  const { segmentSizeBytes, from, to, enough } = wanted;
  for (let number = segmentNumberOf(from.lsn, segmentSizeBytes); ; number += 1n) {
    if (to !== undefined && compareLsn(bigIntToLsn(number * BigInt(segmentSizeBytes)), to) >= 0) return undefined;
    const segment = await fetchOne(history, number, wanted, get);
    if (segment === undefined) return (await lookBehind(history, number, wanted, get)).lost;
    if ((await enough?.(segment)) === true) return undefined;
  }
}

/** As recovery does: of the timelines that can have a segment, the youngest first. */
async function fetchOne(
  history: readonly TimelineSpan[],
  number: bigint,
  { segmentSizeBytes }: WantedWal,
  get: Get,
): Promise<WalSegment | undefined> {
  for (const [index, { timeline, endLsn }] of [...history.entries()].reverse()) {
    const began = history[index - 1]?.endLsn;
    if (began !== undefined && number < segmentNumberOf(began, segmentSizeBytes)) continue;
    if (endLsn !== undefined && number > segmentNumberOf(endLsn, segmentSizeBytes)) continue;
    if (await get({ timeline, number })) return { timeline, number };
  }
  return undefined;
}

/** Looks for anything behind the first missing segment, where it is known to have been first. */
async function lookBehind(
  history: readonly TimelineSpan[],
  missing: bigint,
  wanted: WantedWal,
  get: Get,
): Promise<{ found: boolean; lost?: KnownReach }> {
  const lastOf = (lsn: string): bigint => segmentNumberOf(bigIntToLsn(lsnToBigInt(lsn) - 1n), wanted.segmentSizeBytes);
  const known = ((await wanted.known?.()) ?? [])
    .filter((reach) => isInHistory(history, reach))
    .map((reach) => ({ ...reach, number: lastOf(reach.lsn) }))
    .sort((a, b) => (a.number < b.number ? 1 : -1));
  if (known.some(({ isEnd, number }) => isEnd === true && number === missing - 1n)) return { found: false };
  const places = [
    ...known.map(({ number }) => number),
    ...(wanted.to === undefined ? [] : [lastOf(wanted.to)]),
    ...distancesBehind.map((distance) => missing + distance),
  ];
  for (const place of new Set(places))
    if (place > missing && (await fetchOne(history, place, wanted, get)) !== undefined) return { found: true };
  const lost = known.find(({ how, number }) => how !== undefined && number >= missing);
  return { found: false, ...(lost === undefined ? {} : { lost }) };
}
