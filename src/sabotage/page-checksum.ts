// PostgreSQL source, checksum_impl.h: 32 FNV-1a hashes side by side over the page's 32-bit words.
const lanes = 32;
const prime = 16_777_619;
const baseOffsets = [
  0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c, 0xf8d4474f,
  0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb, 0xe58f764b, 0x187636bc,
  0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4, 0x783125bb, 0x6ca8eaa2, 0xe407eac6,
  0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756,
];

/** Where a page's header keeps its checksum (bufpage.h, pd_checksum). */
const checksumAt = 8;

/**
 * Gives a changed page the checksum that the server would give it. A page that has none (checksums are off, or it is empty) gets none.
 *
 * @param block the page's number in the whole relation fork.
 */
export function withPageChecksum(page: Buffer, block: number): Buffer {
  if (page.readUInt16LE(checksumAt) === 0) return page;
  const sealed = Buffer.from(page);
  sealed.writeUInt16LE(pageChecksum(page, block), checksumAt);
  return sealed;
}

/** pg_checksum_page. */
export function pageChecksum(page: Buffer, block: number): number {
  const sums = Uint32Array.from(baseOffsets);
  const mix = (lane: number, value: number): void => {
    const mixed = ((sums[lane] ?? 0) ^ value) >>> 0;
    sums[lane] = (Math.imul(mixed, prime) ^ (mixed >>> 17)) >>> 0;
  };
  for (let at = 0; at < page.length; at += 4) {
    const word = page.readUInt32LE(at);
    // The checksum's own field counts as zero.
    mix((at / 4) % lanes, at === checksumAt ? (word & 0xffff0000) >>> 0 : word);
  }
  for (let round = 0; round < 2; round += 1) for (let lane = 0; lane < lanes; lane += 1) mix(lane, 0);
  const folded = (sums.reduce((all, sum) => all ^ sum, 0) ^ block) >>> 0;
  return (folded % 65_535) + 1;
}
