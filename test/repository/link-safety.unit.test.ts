import { describe, expect, it } from 'vitest';

import type { OlderFiles } from '../../src/repository/relation-files.js';
import { findWrongBlocks } from '../../src/repository/stale-blocks.js';
import { firstGap } from '../../src/repository/wal-summaries.js';

const incremental = (lengthBlocks: number, ...blocks: number[]): OlderFiles[number] => ({
  kind: 'incremental',
  path: '',
  lengthBlocks,
  blocks: new Set(blocks),
});
const full = (lengthBlocks: number): OlderFiles[number] => ({ kind: 'full', path: '', lengthBlocks });
const file = (lengthBlocks: number, ...blocks: number[]): { lengthBlocks: number; blocks: Set<number> } => ({
  lengthBlocks,
  blocks: new Set(blocks),
});
const written =
  (...blocks: number[]) =>
  (block: number): boolean =>
    blocks.includes(block);

describe('findWrongBlocks', () => {
  it('finds nothing where the relation never was shorter', () => {
    expect(findWrongBlocks(file(5, 1), [full(5)], Infinity, written())).toEqual({ lost: [], revived: [] });
  });

  it('finds nothing where the relation was cut and stayed so, or all of its growth is there', () => {
    expect(findWrongBlocks(file(2), [full(5)], 2, written())).toEqual({ lost: [], revived: [] });
    expect(findWrongBlocks(file(4, 2, 3), [full(5)], 2, written(2, 3))).toEqual({ lost: [], revived: [] });
  });

  it('calls written blocks lost, whether or not an older backup has something in their place', () => {
    expect(findWrongBlocks(file(6, 2), [full(4)], 2, written(2, 3, 5))).toEqual({ lost: [3, 5], revived: [] });
  });

  it('calls empty blocks revived only where an older backup has something in their place', () => {
    expect(findWrongBlocks(file(6), [full(4)], 2, written())).toEqual({ lost: [], revived: [2, 3] });
    expect(findWrongBlocks(file(6), [incremental(4, 3), full(3)], 2, written())).toEqual({ lost: [], revived: [2, 3] });
  });

  it('sees that a relation was shorter at an older link', () => {
    expect(findWrongBlocks(file(4), [incremental(2), full(4)], Infinity, written())).toEqual({
      lost: [],
      revived: [2, 3],
    });
    // What that link, or one behind it, holds itself is right.
    expect(findWrongBlocks(file(4), [incremental(4, 2, 3), incremental(2), full(4)], Infinity, written())).toEqual({
      lost: [],
      revived: [],
    });
  });

  it('leaves alone what lies before the segment was cut, and a segment that was cut away', () => {
    expect(findWrongBlocks(file(3), [full(3)], 1_000, written())).toEqual({ lost: [], revived: [] });
    expect(findWrongBlocks(file(3, 0, 1, 2), [full(3)], -5, written(0, 1, 2))).toEqual({ lost: [], revived: [] });
  });
});

describe('firstGap', () => {
  const range = { from: '0/2000028', to: '0/6000028' };

  it('finds none where summaries cover the range, in whatever order and however they overlap', () => {
    expect(
      firstGap(
        [
          { from: '0/4000028', to: '0/6000028' },
          { from: '0/1000000', to: '0/4000028' },
          { from: '0/3000000', to: '0/3000100' },
        ],
        range,
      ),
    ).toBeUndefined();
    expect(firstGap([], { from: '0/2000028', to: '0/2000028' })).toBeUndefined();
  });

  it('finds one before, between, behind, and where there are no summaries', () => {
    expect(firstGap([{ from: '0/3000000', to: '0/6000028' }], range)).toEqual({ from: '0/2000028', to: '0/3000000' });
    expect(
      firstGap(
        [
          { from: '0/2000028', to: '0/3000000' },
          { from: '0/3000001', to: '0/6000028' },
        ],
        range,
      ),
    ).toEqual({ from: '0/3000000', to: '0/3000001' });
    expect(firstGap([{ from: '0/2000028', to: '0/6000000' }], range)).toEqual({ from: '0/6000000', to: '0/6000028' });
    expect(firstGap([], range)).toEqual(range);
  });
});
