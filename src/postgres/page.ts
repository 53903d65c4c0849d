/**
 * The head of a page (PostgreSQL source, bufpage.h): 8 bytes LSN, 2 bytes checksum, 2 bytes flags, …, 24 in all. In the byte order of
 * the server's machine, which is ours: other ones cannot run these files.
 */
export const pageHeaderBytes = 24;
const [checksumAt, flagsAt] = [8, 10];
const allVisibleFlag = 0x0004;

/** Whether a heap page says itself that all its rows are visible to everybody. A page that was never used does not. */
export function isAllVisible(page: Buffer): boolean {
  return (page.readUInt16LE(flagsAt) & allVisibleFlag) !== 0;
}

/** The LSN of the last WAL record that changed a page. */
export function pageLsn(page: Buffer): bigint {
  return (BigInt(page.readUInt32LE(0)) << 32n) | BigInt(page.readUInt32LE(4));
}

/** Writes a page's checksum into it. @param block number in its fork, not in its file. */
export function setPageChecksum(page: Buffer, block: number): void {
  page.writeUInt16LE(pageChecksum(page, block), checksumAt);
}

/**
 * A changed page with the checksum that the server would give it. One that has none (checksums are off, or it is empty) gets none.
 *
 * @param block number in its fork, not in its file.
 */
export function withPageChecksum(page: Buffer, block: number): Buffer {
  if (page.readUInt16LE(checksumAt) === 0) return page;
  const sealed = Buffer.from(page);
  setPageChecksum(sealed, block);
  return sealed;
}

const fnvPrime = 16_777_619;
// PostgreSQL source, checksum_impl.h: 32 sums side by side, each begun with a number of its own.
const offsets = Uint32Array.of(
  0x5b1f36e9,
  0xb8525960,
  0x02ab50aa,
  0x1de66d2a,
  0x79ff467a,
  0x9bb9f8a3,
  0x217e7cd2,
  0x83e13d2c,
  0xf8d4474f,
  0xe39eb970,
  0x42c6ae16,
  0x993216fa,
  0x7b093b5d,
  0x98daff3c,
  0xf718902a,
  0x0b1c9cdb,
  0xe58f764b,
  0x187636bc,
  0x5d7b3bb1,
  0xe73de7de,
  0x92bec979,
  0xcca6c0b2,
  0x304a0979,
  0x85aa43d4,
  0x783125bb,
  0x6ca8eaa2,
  0xe407eac6,
  0x4b5cfc3e,
  0x9fbf8c76,
  0x15ca20be,
  0xf2ca9fd3,
  0x959bd756,
);

/**
 * A page's checksum, from 1 to 65535 (pg_checksum_page: FNV-1a on 32 columns of 32-bit words, with the checksum's own field taken
 * as zero; at the end two rounds of zeroes).
 */
export function pageChecksum(page: Buffer, block: number): number {
  const sums = Uint32Array.from(offsets);
  const mix = (column: number, value: number): void => {
    const mixed = (sums[column] ?? 0) ^ value;
    sums[column] = Math.imul(mixed, fnvPrime) ^ (mixed >>> 17);
  };
  for (let at = 0; at < page.length; at += 4) {
    const word = page.readUInt32LE(at);
    mix((at / 4) % sums.length, at === checksumAt ? word & 0xffff0000 : word);
  }
  for (let round = 0; round < 2; round += 1) for (let column = 0; column < sums.length; column += 1) mix(column, 0);
  const whole = sums.reduce((sum, each) => sum ^ each, 0) ^ block;
  return ((whole >>> 0) % 65_535) + 1;
}
