import { endianness } from 'node:os';

import { codeOf, messageOf, PgdrillError, ToolchainError } from '../errors.js';
import { bigIntToLsn } from '../postgres/lsn.js';
import type { TimelineSpan } from '../postgres/timeline.js';
import {
  hex,
  readWalPageHeader,
  walMagicOf,
  type WalPageHeader,
  walPageHeaderBytes,
} from '../postgres/wal-page-header.js';
import { segmentNumberOf } from '../postgres/wal-segment.js';
import type { RepositoryFinding } from '../schema/verification.js';
import type { ArchivedFile, ArchiveFiles } from './archive-files.js';
import { finding } from './finding.js';
import type { Looking } from './looking.js';
import { readArchived } from './read-archived.js';
import { beginningOf, timelinesAt } from './timelines.js';

/** What the segments of an archive have to be. */
export interface Expected {
  systemIdentifier: string | undefined;
  /** Of the server; its WAL's magic number goes with it. Undefined where no backup tells. */
  major: number | undefined;
  segmentSizeBytes: number;
  ancestries: ReadonlyMap<number, readonly TimelineSpan[]>;
}

/** Each segment by itself: its size, and what its first page says of whose and which WAL it is. */
export async function checkSegments(
  files: ArchiveFiles,
  expected: Expected,
  looking: Looking,
): Promise<{ findings: RepositoryFinding[]; looked: number; bytes: number; unread: ArchivedFile[] }> {
  const findings: RepositoryFinding[] = [];
  const unread: ArchivedFile[] = [];
  let [looked, bytes] = [0, 0];
  for (const file of files.segments) {
    looking.at(`looking at WAL segment ${file.name}`);
    const cost = file.compression === 'none' ? walPageHeaderBytes : file.sizeBytes;
    try {
      const key = `segment ${file.name} ${file.sizeBytes} ${file.modifiedMs}`;
      findings.push(...(await looking.once(key, cost, () => checkSegment(files.directory, file, expected, looking))));
    } catch (error) {
      if (!(error instanceof ToolchainError)) throw error;
      unread.push(file);
      continue;
    }
    looked += 1;
    bytes += file.sizeBytes;
  }
  return { findings, looked, bytes, unread };
}

async function checkSegment(
  directory: string,
  file: ArchivedFile,
  expected: Expected,
  looking: Looking,
): Promise<RepositoryFinding[]> {
  try {
    let page: Buffer = Buffer.alloc(0);
    let size = 0;
    const take = (chunk: Buffer): boolean => {
      if (page.length < walPageHeaderBytes) page = Buffer.concat([page, chunk]).subarray(0, walPageHeaderBytes);
      size += chunk.length;
      // How long a compressed one is shows at its end only.
      return file.compression !== 'none' || page.length < walPageHeaderBytes;
    };
    await readArchived(directory, file, looking.signal, take, file.compression === 'none' ? 8_192 : undefined);
    if (file.compression === 'none') size = file.sizeBytes;
    await looking.spent(file.compression === 'none' ? walPageHeaderBytes : file.sizeBytes);
    // pg_receivewal makes a segment's file before its first byte has come.
    if (file.partial && page.every((byte) => byte === 0)) return [];
    return judgeSegment(file, size, readWalPageHeader(page), expected);
  } catch (error) {
    looking.signal.throwIfAborted();
    if (error instanceof ToolchainError) throw error;
    if (codeOf(error) === 'ENOENT') return []; // retention or a person took it meanwhile
    const why = error instanceof PgdrillError ? error.explanation.what : messageOf(error);
    return [finding('wal-unreadable', file.name, `${file.name} cannot be read: ${why}.`)];
  }
}

/** @param sizeBytes unpacked. */
export function judgeSegment(
  file: Pick<ArchivedFile, 'name' | 'timeline' | 'number' | 'partial'>,
  sizeBytes: number,
  header: WalPageHeader | string,
  { systemIdentifier, major, segmentSizeBytes, ancestries }: Expected,
): RepositoryFinding[] {
  const { name, timeline, number, partial } = file;
  // What is still being received may be shorter.
  const wrongSize = partial ? sizeBytes > segmentSizeBytes : sizeBytes !== segmentSizeBytes;
  if (wrongSize) {
    return [
      finding('wal-size', name, `${name} has ${sizeBytes} bytes; a segment of this cluster has ${segmentSizeBytes}.`),
    ];
  }
  if (typeof header === 'string') return [finding('wal-header', name, `${name} is no WAL segment: ${header}.`)];
  if (systemIdentifier !== undefined && header.systemIdentifier !== systemIdentifier) {
    return [
      finding(
        'wal-foreign',
        name,
        `${name} is of the cluster with system identifier ${header.systemIdentifier}; the backups here are of ${systemIdentifier}.`,
      ),
    ];
  }
  const address = number * BigInt(segmentSizeBytes);
  const faults: string[] = [];
  const magic = major === undefined ? undefined : walMagicOf(major);
  if (magic !== undefined && header.magic !== magic)
    faults.push(`its magic number is ${hex(header.magic)}, and that of PostgreSQL ${major ?? ''} is ${hex(magic)}`);
  if (header.byteOrder !== (endianness() === 'LE' ? 'little' : 'big'))
    faults.push(`it was written by a ${header.byteOrder}-endian server, which this host’s programs cannot read`);
  if (header.segmentSizeBytes !== segmentSizeBytes)
    faults.push(`it calls itself a segment of ${header.segmentSizeBytes} bytes instead of ${segmentSizeBytes}`);
  if (header.address !== address)
    faults.push(`it holds the WAL from ${bigIntToLsn(header.address)}, and its name says ${bigIntToLsn(address)}`);
  const ancestry = ancestries.get(timeline);
  const found: RepositoryFinding[] = [];
  if (ancestry !== undefined) {
    const right = timelinesAt(ancestry, address, walPageHeaderBytes);
    if (header.address === address && !right.includes(header.timeline))
      faults.push(
        `it was written on timeline ${header.timeline}, and by its name and history it is of ${right.join(' or ')}`,
      );
    if (number < segmentNumberOf(beginningOf(ancestry), segmentSizeBytes)) {
      found.push(
        finding(
          'wal-before-timeline',
          name,
          `${name} holds WAL of timeline ${timeline} from before that timeline began (${beginningOf(ancestry)}).`,
        ),
      );
    }
  }
  if (faults.length > 0)
    found.push(finding('wal-header', name, `${name} is not what its name says: ${faults.join('; ')}.`));
  return found;
}
