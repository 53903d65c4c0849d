import { expect, test } from 'vitest';

import { progressLine } from '../../src/cli/progress-line.js';

const copying = { doing: 'copying', doneBytes: 530_000_000, totalBytes: 1_000_000_000 };
const pace = { bytesPerSecond: 110_000_000, secondsLeft: 4.3 };

test('without a terminal it is words and figures', () => {
  expect(progressLine(copying, pace)).toBe('copying, 53 % of 1.0 GB, 110.0 MB/s, 4.3 s left');
  expect(progressLine({ doing: 'promoting' }, undefined)).toBe('promoting');
  expect(progressLine({ doing: 'replaying WAL', lsn: '0/3000000', lagBytes: 16_000_000 }, undefined)).toBe(
    'replaying WAL at 0/3000000, 16.0 MB behind',
  );
  expect(progressLine({ doing: 'copying', doneBytes: 5_000 }, { bytesPerSecond: 1_000 })).toBe(
    'copying, 5.0 kB, 1.0 kB/s',
  );
});

test('on a terminal there is a bar that fits, as far as there is room for one', () => {
  const line = progressLine(copying, pace, 70);
  expect(line).toMatch(/^copying █+░+ 53 % of 1\.0 GB, 110\.0 MB\/s, 4\.3 s left$/);
  expect(line.length).toBeLessThan(70);
  expect((line.match(/█/g) ?? []).length / (line.match(/[█░]/g) ?? []).length).toBeCloseTo(0.53, 1);
  expect(progressLine(copying, pace, 48)).not.toMatch(/[█░]/);
  expect(progressLine(copying, pace, 500).match(/[█░]/g)).toHaveLength(30);
});

test('what is done has no time left, and is never more than all', () => {
  const line = progressLine(
    { ...copying, doneBytes: 1_100_000_000 },
    { bytesPerSecond: 1_000_000, secondsLeft: 0 },
    80,
  );
  expect(line).toContain('100 %');
  expect(line).not.toContain('left');
});
