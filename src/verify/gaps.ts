import { compareLsn } from '../postgres/lsn.js';
import type { TimelineSpan } from '../postgres/timeline.js';
import { segmentName, segmentNumberOf } from '../postgres/wal-segment.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { RepositoryFinding } from '../schema/verification.js';
import { finding } from './finding.js';
import { beginningOf } from './timelines.js';

/** WAL that an archive holds: per timeline, the numbers of its segments. */
export type SegmentNumbers = ReadonlyMap<number, ReadonlySet<bigint>>;

export interface Gap {
  timeline: number;
  first: bigint;
  last: bigint;
  /** Backups from which replay does not get past it. */
  cutsOff: string[];
  /** Backups that bring this WAL along themselves. */
  within: string[];
  /** False where only a timeline that was left needs it. */
  current: boolean;
}

type Link = Pick<BackupRecord, 'id' | 'timeline' | 'startLsn' | 'endLsn'>;

/** A run of missing segments on the way from one backup to the end of one timeline. */
interface Claim {
  first: bigint;
  last: bigint;
  backup: string;
  /** The segment in which the backup ends: replay needs what comes from there on. */
  end: bigint;
  current: boolean;
}

/**
 * Missing segments, for every backup and along every timeline that descends from its own: from the segment where it starts to the last one
 * there is. In the segment in which one timeline left another, the younger's counts, as the server prefers it: the older one's ends with WAL
 * that the younger never knew.
 *
 * @param ancestries by timeline, oldest first.
 */
export function findGaps(
  segments: SegmentNumbers,
  ancestries: ReadonlyMap<number, readonly TimelineSpan[]>,
  backups: readonly Link[],
  segmentSizeBytes: number,
): Gap[] {
  // A history file alone (a promotion that wrote nothing yet, or a stray one) makes no timeline the one that is in use.
  const newest = Math.max(0, ...[...ancestries.keys()].filter((timeline) => segments.has(timeline)));
  const claims = new Map<number, Claim[]>();
  for (const [timeline, ancestry] of ancestries) {
    const mine = backups
      .filter((backup) => descendsFrom(ancestry, backup))
      .map(({ id, startLsn, endLsn }) => ({
        id,
        start: segmentNumberOf(startLsn, segmentSizeBytes),
        end: segmentNumberOf(endLsn, segmentSizeBytes),
      }));
    if (mine.length === 0) continue;
    const from = mine.reduce((least, { start }) => (start < least ? start : least), mine[0]?.start ?? 0n);
    for (const { owner, first, last } of missingRuns(segments, ancestry, from, segmentSizeBytes)) {
      const list = claims.get(owner) ?? [];
      claims.set(owner, list);
      for (const { id, start, end } of mine) {
        if (start > last) continue;
        list.push({ first: start > first ? start : first, last, backup: id, end, current: timeline === newest });
      }
    }
  }
  return [...claims].sort(([a], [b]) => a - b).flatMap(([timeline, list]) => gapsOf(timeline, list));
}

/** What is not there between a segment and the last one that a timeline (or its past, where it has none of its own yet) has. */
function missingRuns(
  segments: SegmentNumbers,
  ancestry: readonly TimelineSpan[],
  from: bigint,
  size: number,
): { owner: number; first: bigint; last: bigint }[] {
  const runs: { owner: number; first: bigint; last: bigint }[] = [];
  const spans = ancestry.map(({ timeline, endLsn }, index) => {
    const next = endLsn === undefined ? undefined : segmentNumberOf(endLsn, size);
    return {
      timeline,
      held: segments.get(timeline) ?? new Set<bigint>(),
      first: segmentNumberOf(beginningOf(ancestry.slice(0, index + 1)), size),
      /** The segment in which it was left, which is the next one's. */
      next,
    };
  });
  let end: bigint | undefined;
  for (const { held, next } of spans.toReversed()) {
    for (const number of held)
      if ((next === undefined || number <= next) && (end === undefined || number > end)) end = number;
    if (end !== undefined) break;
  }
  if (end === undefined) return [];
  for (const [index, { timeline, held, first, next }] of spans.entries()) {
    // Several may have been left in one segment: it is the youngest's.
    const stop = spans
      .slice(index + 1)
      .reduce((least, span) => (span.first < least ? span.first : least), next ?? end + 1n);
    for (let number = first > from ? first : from; number < stop && number <= end; number += 1n) {
      if (held.has(number)) continue;
      const before = runs.at(-1);
      if (before?.owner === timeline && before.last + 1n === number) before.last = number;
      else runs.push({ owner: timeline, first: number, last: number });
    }
  }
  return withoutForkEnd(runs, spans, end);
}

/** Where nothing lies on the younger timeline, the segment with the switch may still be the older one's alone: its end is the archive's end. */
function withoutForkEnd(
  runs: { owner: number; first: bigint; last: bigint }[],
  spans: readonly { timeline: number; held: ReadonlySet<bigint>; first: bigint }[],
  end: bigint,
): { owner: number; first: bigint; last: bigint }[] {
  return runs.filter(({ owner, first, last }) => {
    const span = spans.find(({ timeline }) => timeline === owner);
    return !(first === end && last === end && span?.held.size === 0 && span.first === end);
  });
}

/** A timeline that left the backup's before the backup ended does not contain it. */
function descendsFrom(ancestry: readonly TimelineSpan[], backup: Link): boolean {
  const span = ancestry.find(({ timeline }) => timeline === backup.timeline);
  if (span === undefined) return false;
  return span.endLsn === undefined || compareLsn(span.endLsn, backup.endLsn) >= 0;
}

/** Cuts the runs of one timeline where a backup begins to need them, and joins neighbours that cut off the same backups. */
function gapsOf(timeline: number, claims: readonly Claim[]): Gap[] {
  const edges = new Set<bigint>();
  for (const { first, last, end } of claims) {
    edges.add(first).add(last + 1n);
    if (end > first && end <= last) edges.add(end);
  }
  const sorted = [...edges].sort((a, b) => (a < b ? -1 : 1));
  const gaps: Gap[] = [];
  for (const [index, first] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next === undefined) break;
    const here = claims.filter((claim) => claim.first <= first && claim.last >= first);
    if (here.length === 0) continue;
    const names = (list: Claim[]): string[] => [...new Set(list.map(({ backup }) => backup))].sort();
    const gap: Gap = {
      ...{ timeline, first, last: next - 1n },
      cutsOff: names(here.filter(({ end }) => first >= end)),
      within: names(here.filter(({ end }) => first < end)),
      current: here.some(({ current }) => current),
    };
    const before = gaps.at(-1);
    const joins =
      before?.last === first - 1n && before.current === gap.current && before.cutsOff.join() === gap.cutsOff.join();
    if (joins) {
      before.last = gap.last;
      before.within = [...new Set([...before.within, ...gap.within])].sort();
    } else gaps.push(gap);
  }
  return gaps;
}

export function gapFinding(
  { timeline, first, last, cutsOff, within, current }: Gap,
  segmentSizeBytes: number,
): RepositoryFinding {
  const [from, to] = [first, last].map((number) => segmentName({ timeline, number }, segmentSizeBytes));
  const many = last - first + 1n;
  const names = many === 1n ? (from ?? '') : `${from ?? ''}-${to ?? ''}`;
  const missing =
    many === 1n
      ? `WAL segment ${from ?? ''} is missing in the archive, though later ones are there`
      : `${many} WAL segments, ${from ?? ''} to ${to ?? ''}, are missing in the archive, though later ones are there`;
  const whom =
    cutsOff.length > 0
      ? `replay from ${cutsOff.join(', ')} does not get past it`
      : `${within.join(', ')} ${within.length === 1 ? 'brings' : 'bring'} that WAL along`;
  return finding(cutsOff.length > 0 && current ? 'wal-gap' : 'wal-gap-elsewhere', names, `${missing}: ${whom}.`);
}
