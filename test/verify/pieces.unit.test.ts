import { expect, it } from 'vitest';

import type { ArchivedFile } from '../../src/verify/archive-files.js';
import { piecesOf } from '../../src/verify/check-records.js';

const size = 16 * 1024 * 1024;

const segment = (
  timeline: number,
  number: number,
  compression: ArchivedFile['compression'] = 'none',
): ArchivedFile => ({
  name: `${timeline}/${number}${compression === 'none' ? '' : `.${compression}`}`,
  ...{ timeline, number: BigInt(number), compression, partial: false, sizeBytes: size, modifiedMs: 0 },
});

function shown(segments: ArchivedFile[], forks: [number, string[]][] = []): string[] {
  return piecesOf(segments, size, new Map(forks)).map(
    ({ files, to, goesOn }) => `${files.map(({ name }) => name).join(' ')} to ${to}${goesOn ? ' …' : ''}`,
  );
}

it('neighbours are read together, 32 MB at a time, at the same places whatever comes later', () => {
  const some = [2, 3, 4].map((number) => segment(1, number));
  expect(shown(some)).toEqual(['1/2 1/3 to 0/4000000 …', '1/4 to 0/5000000']);
  expect(shown([...some, segment(1, 5)])).toEqual(['1/2 1/3 to 0/4000000 …', '1/4 1/5 to 0/6000000']);
});

it('a gap ends a piece, and what is there twice is read once', () => {
  expect(shown([segment(1, 2), segment(1, 2, 'gzip'), segment(1, 4, 'zstd'), segment(1, 5)])).toEqual([
    '1/2 to 0/3000000',
    '1/4.zstd 1/5 to 0/6000000',
  ]);
});

it('where a timeline was left in its last segment, nothing behind that place is read', () => {
  expect(shown([segment(1, 2), segment(1, 3), segment(2, 3)], [[1, ['0/3000100', '0/3000200']]])).toEqual([
    '1/2 1/3 to 0/3000200',
    '2/3 to 0/4000000',
  ]);
  // It went on: then all of it is WAL.
  expect(shown([segment(1, 3), segment(1, 4)], [[1, ['0/3000100']]])).toEqual([
    '1/3 to 0/4000000 …',
    '1/4 to 0/5000000',
  ]);
});
