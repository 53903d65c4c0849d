import { bigIntToLsn, lsnToBigInt } from './lsn.js';

/**
 * Names of WAL segment files (PostgreSQL source, xlog_internal.h): timeline, then the segment number split so that the last
 * eight digits count the segments in 4 GiB of WAL.
 */
const segmentFile = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})$/;

export interface WalSegment {
  timeline: number;
  /** Counts segments from the beginning of WAL. */
  number: bigint;
}

export function segmentName(segment: WalSegment, segmentSizeBytes: number): string {
  const perId = 0x1_0000_0000n / BigInt(segmentSizeBytes);
  const hex = (value: bigint): string => value.toString(16).toUpperCase().padStart(8, '0');
  return hex(BigInt(segment.timeline)) + hex(segment.number / perId) + hex(segment.number % perId);
}

/** @returns undefined for files that are no complete WAL segment (history, `.partial`, `.backup`, temporary files). */
export function parseSegmentName(file: string, segmentSizeBytes: number): WalSegment | undefined {
  const match = segmentFile.exec(file);
  if (match === null) return undefined;
  const [timeline, id, offset] = match.slice(1).map((part) => BigInt(`0x${part}`));
  if (timeline === undefined || id === undefined || offset === undefined) return undefined;
  return { timeline: Number(timeline), number: id * (0x1_0000_0000n / BigInt(segmentSizeBytes)) + offset };
}

/** The number of the segment that holds the byte at `lsn`. A position in the middle of a segment belongs to that segment. */
export function segmentNumberOf(lsn: string, segmentSizeBytes: number): bigint {
  return lsnToBigInt(lsn) / BigInt(segmentSizeBytes);
}

/**
 * An insert position that stands right behind a page's header, moved to the page's beginning: nothing lies in between (PostgreSQL source,
 * xlog_internal.h: 40 bytes on a segment's first page, 24 on others, pages of 8 kB). So an idle server's position equals the archive's end.
 */
export function withoutPageHeader(lsn: string, segmentSizeBytes: number): string {
  const position = lsnToBigInt(lsn);
  const [inPage, inSegment] = [position % 8192n, position % BigInt(segmentSizeBytes)];
  if (inSegment === 40n) return bigIntToLsn(position - 40n);
  return inPage === 24n && inSegment !== 24n ? bigIntToLsn(position - 24n) : lsn;
}
