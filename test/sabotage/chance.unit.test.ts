import { expect, it } from 'vitest';

import { chanceOf } from '../../src/sabotage/chance.js';
import { placeOf } from '../../src/sabotage/commit-log.js';
import { turnOf } from '../../src/sabotage/turn.js';
import { sabotageKindNames } from '../../src/schema/sabotage-kinds.js';

it('the same seed chooses the same, another seed or kind something else', () => {
  const draw = (seed: number, kind: string): number[] => {
    const chance = chanceOf(seed, kind);
    return Array.from({ length: 8 }, () => chance.integer(1_000_000));
  };
  expect(draw(5, 'heap-bit')).toEqual(draw(5, 'heap-bit'));
  expect(draw(5, 'heap-bit')).not.toEqual(draw(6, 'heap-bit'));
  expect(draw(5, 'heap-bit')).not.toEqual(draw(5, 'index-bit'));
});

it('every choice comes up', () => {
  const chance = chanceOf(1, 'x');
  const drawn = new Set(Array.from({ length: 200 }, () => chance.pick(['a', 'b', 'c'])));
  expect([...drawn].sort()).toEqual(['a', 'b', 'c']);
  expect(chance.pick<number>([])).toBeUndefined();
  expect(chance.shuffle([1, 2, 3, 4]).sort()).toEqual([1, 2, 3, 4]);
});

it('as many seeds in a row as there are kinds give each its turn', () => {
  const first = sabotageKindNames.map((_, seed) => turnOf(undefined, seed + 1_000)[0]);
  expect(new Set(first)).toEqual(new Set(sabotageKindNames));
  expect(new Set(turnOf(undefined, 17))).toEqual(new Set(sabotageKindNames));
  expect(turnOf('row-added', 17)).toEqual(['row-added']);
  expect(turnOf('all', 17)).toEqual(sabotageKindNames);
});

it.each([
  [3, { file: 'pg_xact/0000', offset: 0, bit: 6 }],
  [741, { file: 'pg_xact/0000', offset: 185, bit: 2 }],
  [32_768, { file: 'pg_xact/0000', offset: 8192, bit: 0 }],
  [32 * 32_768, { file: 'pg_xact/0001', offset: 0, bit: 0 }],
  [4_294_967_295, { file: 'pg_xact/0FFF', offset: 32 * 8192 - 1, bit: 6 }],
])('transaction %i has its bits in pg_xact where clog.c puts them', (xid, place) => {
  expect(placeOf(xid)).toEqual(place);
});
