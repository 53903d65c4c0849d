/** More would fill the fingerprint without locating a difference much better. */
const mostRanges = 1_000;
/** 8 MB in pages of 8 kB: some tens of milliseconds to read, so that a statement's own cost does not show. */
const defaultLeastBlocks = 1_024;
/** About 64 MB are read in one transaction: seconds at worst, so nobody waits long for our lock to go. */
const blocksInPart = 8_192;
const mostRangesInPart = 8;

/**
 * How a relation's blocks are cut for reading: range `i` holds the blocks from `i * blocks` on, the last one everything behind it,
 * too. Restoring a physical backup leaves each row where it was, so both sides are cut alike and compare range by range.
 */
export interface RangeLayout {
  /** Blocks a range. */
  blocks: number;
  count: number;
  /** The ranges that are read, ascending; absent where all are. */
  chosen?: number[] | undefined;
}

/** Blocks from `from` up to, not including, `to`; without `to` everything behind. */
export interface BlockRange {
  from: number;
  to: number | undefined;
}

/**
 * Cuts a relation of so many blocks.
 *
 * @param leastBlocks smallest range worth a statement of its own; 1,024 by default.
 * @returns undefined where it is too small to be cut.
 */
export function planRanges(totalBlocks: number, leastBlocks: number = defaultLeastBlocks): RangeLayout | undefined {
  if (totalBlocks <= leastBlocks) return undefined;
  const blocks = Math.max(leastBlocks, Math.ceil(totalBlocks / mostRanges));
  return { blocks, count: Math.ceil(totalBlocks / blocks) };
}

/** The numbers of the ranges to read. */
export function rangesToRead({ count, chosen }: RangeLayout): number[] {
  return chosen ?? Array.from({ length: count }, (_, index) => index);
}

export function rangeAt({ blocks, count }: RangeLayout, index: number): BlockRange {
  return { from: index * blocks, to: index === count - 1 ? undefined : (index + 1) * blocks };
}

/** Groups the ranges to read into the parts that one transaction reads each, in their order. */
export function partsOf(layout: RangeLayout): number[][] {
  const together = Math.min(Math.max(Math.floor(blocksInPart / layout.blocks), 1), mostRangesInPart);
  const ranges = rangesToRead(layout);
  return Array.from({ length: Math.ceil(ranges.length / together) }, (_, part) =>
    ranges.slice(part * together, (part + 1) * together),
  );
}

/** SQL: whether a row of `r` lies in a range. Such a condition alone makes the planner use a TID range scan. */
export function inRange({ from, to }: BlockRange): string {
  return `r.ctid >= '(${from},0)'::tid${to === undefined ? '' : ` and r.ctid < '(${to},0)'::tid`}`;
}
