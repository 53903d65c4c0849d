/** What the first page of a WAL segment says of the segment: the long header (PostgreSQL source, xlog_internal.h, XLogLongPageHeaderData). */
export interface WalPageHeader {
  byteOrder: 'little' | 'big';
  magic: number;
  timeline: number;
  /** Where this page begins in the WAL. */
  address: bigint;
  systemIdentifier: string;
  segmentSizeBytes: number;
  pageSizeBytes: number;
}

/** Bytes of the long header. */
export const walPageHeaderBytes = 40;

/** XLOG_PAGE_MAGIC, by major version: it changes with the WAL's format. */
const magics: Readonly<Record<number, number>> = { 17: 0xd116, 18: 0xd118 };

/** XLP_LONG_HEADER in xlp_info. */
const longHeader = 0x0002;

/** The magic number of a major version; undefined for one that this pgdrill does not know. */
export function walMagicOf(major: number): number | undefined {
  return magics[major];
}

/**
 * Reads the header in the byte order that it was written in: WAL is in that of the server's processor, and its magic number tells which.
 *
 * @param page the beginning of the segment.
 * @returns a sentence's end where this is no beginning of a segment: `it is …`.
 */
export function readWalPageHeader(page: Buffer): WalPageHeader | string {
  if (page.length < walPageHeaderBytes) return `it is cut short: ${page.length} bytes`;
  if (page.every((byte) => byte === 0)) return 'it begins with zeros: a segment that nothing was ever written to';
  // Every magic number so far has a first byte of 0xD0 or 0xD1 when read the right way round (PostgreSQL 8.3 and later).
  const byteOrder = isMagic(page.readUInt16LE(0)) ? 'little' : isMagic(page.readUInt16BE(0)) ? 'big' : undefined;
  if (byteOrder === undefined)
    return `it does not begin with the magic number of a WAL page but with ${hex(page.readUInt16LE(0))}`;
  const little = byteOrder === 'little';
  const u16 = (at: number): number => (little ? page.readUInt16LE(at) : page.readUInt16BE(at));
  const u32 = (at: number): number => (little ? page.readUInt32LE(at) : page.readUInt32BE(at));
  const u64 = (at: number): bigint => (little ? page.readBigUInt64LE(at) : page.readBigUInt64BE(at));
  if ((u16(2) & longHeader) === 0) return 'its first page has no long header: it is no beginning of a segment';
  return {
    byteOrder,
    magic: u16(0),
    timeline: u32(4),
    address: u64(8),
    systemIdentifier: String(u64(24)),
    segmentSizeBytes: u32(32),
    pageSizeBytes: u32(36),
  };
}

function isMagic(value: number): boolean {
  return value >> 8 === 0xd1 || value >> 8 === 0xd0;
}

export function hex(value: number): string {
  return `0x${value.toString(16).toUpperCase().padStart(4, '0')}`;
}
