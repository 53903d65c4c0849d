import { setTimeout as sleep } from 'node:timers/promises';

import { SourceNotReadyError } from '../errors.js';
import { bigIntToLsn, lsnToBigInt } from '../postgres/lsn.js';
import type { TimelineSpan } from '../postgres/timeline.js';
import { segmentName, segmentNumberOf } from '../postgres/wal-segment.js';
import { runRestoreCommand } from './restore-command.js';
import { listWalFiles } from './wal-files.js';
import type { Wal } from './wal-mode.js';

/** The WAL that an archive directory holds, as it was when it was listed. */
export interface WalArchive {
  directory: string;
  segmentSizeBytes: number;
  /** Per timeline, the numbers of its finished segments, compressed or not. */
  segments: ReadonlyMap<number, ReadonlySet<bigint>>;
  /** Per timeline, the numbers of segments that are there only as `.partial`: how far they reach, reachOf finds out. */
  partials?: ReadonlyMap<number, ReadonlySet<bigint>>;
}

/** Lists an archive directory. A missing directory is an empty archive. */
export async function listWalArchive(directory: string, segmentSizeBytes: number): Promise<WalArchive> {
  const segments = new Map<number, Set<bigint>>();
  const partials = new Map<number, Set<bigint>>();
  for (const { timeline, number, form } of (await listWalFiles(directory, segmentSizeBytes)).values()) {
    const held = form === 'partial' ? partials : segments;
    held.set(timeline, (held.get(timeline) ?? new Set()).add(number));
  }
  return { directory, segmentSizeBytes, segments, partials };
}

export interface Continuity {
  /** The end of the last segment that can be reached without a gap; undefined where not even the first one is there. */
  endLsn: string | undefined;
  /** The first missing segment's name, where later ones exist. */
  gap: string | undefined;
}

/**
 * How far replay from `fromLsn` gets along a timeline's ancestry before the first missing segment. A segment that two timelines share
 * (the one with the switch) counts from the younger one, as the server prefers it.
 */
export function continuityFrom(archive: WalArchive, history: readonly TimelineSpan[], fromLsn: string): Continuity {
  const size = archive.segmentSizeBytes;
  // The youngest that has the segment decides: one that it is still receiving is not finished, whatever an ancestor has.
  const held = (number: bigint): boolean => {
    const holder = [...history].reverse().find(({ timeline, endLsn }) => {
      if (endLsn !== undefined && number > segmentNumberOf(endLsn, size)) return false;
      return (
        archive.segments.get(timeline)?.has(number) === true || archive.partials?.get(timeline)?.has(number) === true
      );
    });
    return holder !== undefined && archive.segments.get(holder.timeline)?.has(number) === true;
  };
  const first = segmentNumberOf(fromLsn, size);
  let number = first;
  while (held(number)) number += 1n;
  const ofLine = (timeline: number, endLsn: string | undefined): bigint[] =>
    [...(archive.segments.get(timeline) ?? [])].filter(
      (other) => endLsn === undefined || other <= segmentNumberOf(endLsn, size),
    );
  const laterExists = history.some(({ timeline, endLsn }) => ofLine(timeline, endLsn).some((other) => other > number));
  const missing = history.find(({ endLsn }) => endLsn === undefined || number < segmentNumberOf(endLsn, size));
  return {
    endLsn: number === first ? undefined : bigIntToLsn(number * BigInt(size)),
    gap: laterExists ? segmentName({ timeline: missing?.timeline ?? 1, number }, size) : undefined,
  };
}

/**
 * Waits until the archive holds the segment with the last byte before an LSN.
 *
 * @returns the segment's name.
 * @throws SourceNotReadyError after `timeoutMs`, with what `explain` finds out (the source's own view of its archiver).
 */
export async function waitForSegment(
  archive: { directory: string; segmentSizeBytes: number; wal?: Wal | undefined },
  segment: { timeline: number; lsn: string },
  options: {
    timeoutMs: number;
    signal: AbortSignal;
    explain: () => Promise<string>;
    onWait?: (segment: string) => void;
  },
): Promise<string> {
  // What ends at a segment's very beginning lies in the one before: the next may not come for long on an idle server.
  const number = segmentNumberOf(bigIntToLsn(lsnToBigInt(segment.lsn) - 1n), archive.segmentSizeBytes);
  const name = segmentName({ timeline: segment.timeline, number }, archive.segmentSizeBytes);
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal.throwIfAborted();
    if (await hasArrived(archive, { ...segment, number, name }, options.signal)) return name;
    if (performance.now() > deadline) {
      throw new SourceNotReadyError({
        what: `WAL segment ${name} did not arrive in ${archive.wal?.mode === 'command' ? 'the archive that wal.restore_command reaches' : archive.directory} within ${options.timeoutMs / 1_000} s. ${await options.explain()}`,
        means: 'The WAL archive does not work: what is committed now could not be recovered from the repository.',
        todo: 'Run pgdrill doctor for the exact settings; look at pg_stat_archiver and the server’s log.',
      });
    }
    options.onWait?.(name);
    await sleep(archive.wal?.mode === 'command' ? 500 : 100, undefined, { signal: options.signal }).catch(
      () => undefined,
    );
  }
}

async function hasArrived(
  { directory, segmentSizeBytes, wal }: { directory: string; segmentSizeBytes: number; wal?: Wal | undefined },
  { timeline, number, name }: { timeline: number; number: bigint; name: string },
  signal: AbortSignal,
): Promise<boolean> {
  if (wal?.mode === 'command')
    return await runRestoreCommand(wal, { walDirectory: directory, name, sizeBytes: segmentSizeBytes }, signal);
  const { segments } = await listWalArchive(directory, segmentSizeBytes);
  return segments.get(timeline)?.has(number) === true;
}
