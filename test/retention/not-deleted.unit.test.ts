import { expect, it } from 'vitest';

import { withoutWhatIsThere } from '../../src/retention/not-deleted.js';
import { emptyState, type RetentionState, wasExpired } from '../../src/retention/state.js';
import { parseWalFileName, type WalFile } from '../../src/retention/wal-file.js';
import { segmentSizeBytes } from './world.js';

const segment = (last: number, timeline = 1): string =>
  `0000000${timeline}00000000000000${last.toString(16).toUpperCase().padStart(2, '0')}`;
const file = (name: string): WalFile => ({
  ...parseWalFileName(name, segmentSizeBytes)!,
  name,
  sizeBytes: 10,
  mtimeMs: 0,
});
const state: RetentionState = {
  ...emptyState,
  expiredWal: [
    { from: segment(3), to: segment(9) },
    { from: segment(10, 2), to: segment(10, 2) },
  ],
  run: { operation: 'one', deleted: [], wal: { files: 9, bytes: 90 } },
};
const without = (...names: string[]): RetentionState => withoutWhatIsThere(state, names.map(file), segmentSizeBytes);

it('nothing of what is noted as deleted is there: the state is as it was', () => {
  expect(without(segment(2), segment(10), `${segment(10, 2)}.partial`, '00000002.history')).toBe(state);
});

it('what is there is cut out, in whatever form, with what was counted of it', () => {
  const label = `${segment(5)}.00000028.backup`;
  const cut = without(segment(3), `${segment(5)}.zst`, label, `${segment(7)}.00000028.backup`, segment(10, 2));
  expect(cut.expiredWal).toEqual([
    { from: segment(4), to: segment(4) },
    { from: segment(6), to: segment(9) },
  ]);
  expect(cut.run?.wal).toEqual({ files: 5, bytes: 50 });
  expect([`${segment(5)}.zst`, label].some((name) => wasExpired(cut, name))).toBe(false);
  expect(withoutWhatIsThere(cut, [file(segment(3))], segmentSizeBytes)).toBe(cut);
});
