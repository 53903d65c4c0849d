import { describe, expect, it } from 'vitest';

import { findGaps, gapFinding } from '../../src/verify/gaps.js';
import { readTimelines } from '../../src/verify/timelines.js';

const size = 16_777_216;

/** An LSN in the middle of a segment. */
const inSegment = (number: number): string => `0/${(number * size + 0x100).toString(16).toUpperCase()}`;

const backup = (id: string, start: number, end: number, timeline = 1) => ({
  ...{ id, timeline },
  ...{ startLsn: inSegment(start), endLsn: inSegment(end) },
});

function range(from: number, to: number, ...without: number[]): Set<bigint> {
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  return new Set(numbers.filter((number) => !without.includes(number)).map(BigInt));
}

const one = new Map([[1, [{ timeline: 1 }]]]);
/** Timeline 2 left timeline 1 in segment 10. */
const two = readTimelines(new Map([[2, `1\t${inSegment(10)}\tno recovery target specified\n`]]), [1, 2]).ancestries;

describe('a gap', () => {
  it('is what is missing between a backup and the last segment', () => {
    const segments = new Map([[1, range(3, 20, 7, 8)]]);
    const gaps = findGaps(segments, one, [backup('a', 3, 3), backup('b', 12, 12)], size);
    expect(gaps).toEqual([{ timeline: 1, first: 7n, last: 8n, cutsOff: ['a'], within: [], current: true }]);
    expect(gapFinding(gaps[0]!, size)).toMatchObject({
      id: 'wal-gap/000000010000000000000007-000000010000000000000008',
      level: 'error',
    });
  });

  it('is none before the oldest backup and behind the last segment', () => {
    expect(findGaps(new Map([[1, range(5, 9)]]), one, [backup('a', 5, 6)], size)).toEqual([]);
    expect(findGaps(new Map([[1, range(1, 2)]]), one, [backup('a', 5, 6)], size)).toEqual([]);
    expect(findGaps(new Map(), one, [backup('a', 5, 6)], size)).toEqual([]);
  });

  it('is less bad where the backup brings that WAL along', () => {
    const [gap] = findGaps(new Map([[1, range(3, 9, 4)]]), one, [backup('a', 3, 6)], size);
    expect(gap).toMatchObject({ cutsOff: [], within: ['a'] });
    expect(gapFinding(gap!, size)).toMatchObject({
      level: 'warning',
      id: 'wal-gap-elsewhere/000000010000000000000004',
    });
  });

  it('is cut where another backup begins to need it', () => {
    const gaps = findGaps(new Map([[1, new Set([3n, 20n])]]), one, [backup('a', 3, 3), backup('b', 10, 12)], size);
    expect(gaps.map(({ first, last, cutsOff }) => [first, last, cutsOff])).toEqual([
      [4n, 11n, ['a']],
      [12n, 19n, ['a', 'b']],
    ]);
  });

  it('is found along the ancestry: the segment with the switch is the younger timeline’s', () => {
    const whole = new Map([
      [1, range(3, 10)],
      [2, range(10, 15)],
    ]);
    expect(findGaps(whole, two, [backup('a', 3, 4)], size)).toEqual([]);
    const switchLost = new Map([
      [1, range(3, 10)],
      [2, range(11, 15)],
    ]);
    expect(findGaps(switchLost, two, [backup('a', 3, 4)], size)).toMatchObject([
      { timeline: 2, first: 10n, cutsOff: ['a'] },
    ]);
    const before = new Map([
      [1, range(3, 9, 9)],
      [2, range(10, 15)],
    ]);
    expect(findGaps(before, two, [backup('a', 3, 4), backup('b', 12, 12, 2)], size)).toMatchObject([
      { timeline: 1, first: 9n, cutsOff: ['a'], current: true },
    ]);
  });

  it('on a timeline that was left is no error, and a switch that nothing followed is no gap', () => {
    const leftBehind = new Map([
      [1, range(3, 14, 12)],
      [2, range(10, 15)],
    ]);
    const [gap, ...more] = findGaps(leftBehind, two, [backup('a', 3, 4)], size);
    expect(more).toEqual([]);
    expect(gap).toMatchObject({ timeline: 1, first: 12n, current: false });
    expect(gapFinding(gap!, size).level).toBe('warning');
    expect(findGaps(new Map([[1, range(3, 10)]]), two, [backup('a', 3, 4)], size)).toEqual([]);
  });

  it('is none for a backup that ended behind the switch on the old timeline, on the new one', () => {
    const segments = new Map([
      [1, range(3, 14)],
      [2, new Set([10n, 15n])],
    ]);
    expect(findGaps(segments, two, [backup('old', 12, 13)], size)).toEqual([]);
  });

  it('is found in a long archive within moments', () => {
    const segments = new Map([[1, range(1, 200_000, 1_000, 150_000)]]);
    const backups = Array.from({ length: 300 }, (_, index) => backup(`b${index}`, index * 10 + 1, index * 10 + 1));
    expect(findGaps(segments, one, backups, size)).toHaveLength(2);
  });
});
