import { codeOf, messageOf } from '../errors.js';
import { bigIntToLsn, lsnToBigInt } from '../postgres/lsn.js';
import type { TimelineSpan } from '../postgres/timeline.js';
import type { RepositoryFinding } from '../schema/verification.js';
import type { ArchivedFile, ArchiveFiles } from './archive-files.js';
import { finding } from './finding.js';
import type { Looking } from './looking.js';
import { readArchived, readWhole } from './read-archived.js';
import { beginningOf } from './timelines.js';

/** Two files that hold the same WAL, up to a byte. */
export interface Pair {
  one: ArchivedFile;
  other: ArchivedFile;
  bytes: number;
}

/**
 * The files of an archive that have to agree: one segment in several forms (plain and compressed), and the segment in which one timeline
 * left another, up to where it did. What follows a `.partial`'s end is nobody's WAL, so it is compared only up to such a place.
 */
export function pairsToCompare(
  files: readonly ArchivedFile[],
  ancestries: ReadonlyMap<number, readonly TimelineSpan[]>,
  segmentSizeBytes: number,
): Pair[] {
  const byPlace = new Map<string, ArchivedFile[]>();
  const place = (timeline: number, number: bigint): string => `${timeline}/${number}`;
  for (const file of files) {
    const key = place(file.timeline, file.number);
    byPlace.set(key, [...(byPlace.get(key) ?? []), file]);
  }
  const pairs: Pair[] = [];
  for (const same of byPlace.values()) {
    const [one, ...others] = same.filter(({ partial }) => !partial);
    if (one !== undefined) for (const other of others) pairs.push({ one, other, bytes: segmentSizeBytes });
  }
  for (const [timeline, ancestry] of ancestries) {
    const parent = ancestry.at(-2)?.timeline;
    if (parent === undefined) continue;
    const began = lsnToBigInt(beginningOf(ancestry));
    const number = began / BigInt(segmentSizeBytes);
    const bytes = Number(began % BigInt(segmentSizeBytes));
    const one = byPlace.get(place(timeline, number))?.[0];
    if (bytes === 0 || one === undefined) continue;
    for (const other of byPlace.get(place(parent, number)) ?? []) pairs.push({ one, other, bytes });
  }
  return pairs;
}

export async function compareDuplicates(
  files: ArchiveFiles,
  ancestries: ReadonlyMap<number, readonly TimelineSpan[]>,
  segmentSizeBytes: number,
  looking: Looking,
  /** What could not be read: that is said elsewhere. */
  skip: ReadonlySet<string>,
): Promise<RepositoryFinding[]> {
  const findings: RepositoryFinding[] = [];
  for (const { one, other, bytes } of pairsToCompare(files.segments, ancestries, segmentSizeBytes)) {
    if (skip.has(one.name) || skip.has(other.name)) continue;
    looking.at(`comparing ${one.name} with ${other.name}`);
    const key = `compare ${[one, other].map(({ name, sizeBytes, modifiedMs }) => `${name} ${sizeBytes} ${modifiedMs}`).join(' ')} ${bytes}`;
    const found = await looking.once(key, 2 * bytes, async () => {
      try {
        const at = await firstDifference(files.directory, one, other, bytes, looking);
        if (at === undefined) return null;
        const lsn = bigIntToLsn(one.number * BigInt(segmentSizeBytes) + BigInt(at));
        const what = `${one.name} and ${other.name} hold the same WAL and differ from byte ${at} (${lsn}) on.`;
        return finding('wal-differs', `${one.name}+${other.name}`, what);
      } catch (error) {
        looking.signal.throwIfAborted();
        if (codeOf(error) === 'ENOENT') return null;
        return finding(
          'wal-unreadable',
          `${one.name}+${other.name}`,
          `${one.name} or ${other.name} cannot be read: ${messageOf(error)}.`,
        );
      }
    });
    if (found !== null) findings.push(found);
  }
  return findings;
}

/** The first byte in which two files differ; the end of the shorter one counts as a difference. One segment is held in memory. */
async function firstDifference(
  directory: string,
  one: ArchivedFile,
  other: ArchivedFile,
  bytes: number,
  looking: Looking,
): Promise<number | undefined> {
  const whole = await readWhole(directory, one, looking.signal, bytes);
  await looking.spent(whole.length);
  let position = 0;
  let differs: number | undefined;
  await readArchived(directory, other, looking.signal, async (chunk) => {
    const length = Math.min(chunk.length, bytes - position);
    for (let index = 0; differs === undefined && index < length; index++)
      if (chunk[index] !== whole[position + index]) differs = position + index;
    position += length;
    await looking.spent(length);
    return differs === undefined && position < bytes;
  });
  return differs ?? (position === whole.length ? undefined : Math.min(position, whole.length));
}
