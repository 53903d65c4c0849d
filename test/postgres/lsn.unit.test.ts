import { describe, expect, it } from 'vitest';

import { bigIntToLsn, compareLsn, lsnDistanceBytes, lsnToBigInt, maxLsn } from '../../src/postgres/lsn.js';
import { parseSegmentName, segmentName, segmentNumberOf, withoutPageHeader } from '../../src/postgres/wal-segment.js';

const mib = 1024 * 1024;

describe('a WAL position', () => {
  it.each([
    ['0/0', 0n],
    ['0/1', 1n],
    ['0/FFFFFFFF', 0xffffffffn],
    ['1/0', 0x1_0000_0000n],
    ['16/B374D848', 0x16_b374_d848n],
    ['FFFFFFFF/FFFFFFFF', 0xffff_ffff_ffff_ffffn],
  ])('%s is the byte %s, and back', (text, position) => {
    expect(lsnToBigInt(text)).toBe(position);
    expect(bigIntToLsn(position)).toBe(text);
  });

  it('is compared as a number', () => {
    expect(compareLsn('9/0', '10/0')).toBeLessThan(0);
    expect(compareLsn('0/a0', '0/A0')).toBe(0);
    expect(maxLsn('A/0', '9/FFFFFFFF')).toBe('A/0');
  });

  it('has a distance that is never negative', () => {
    expect(lsnDistanceBytes('0/FFFFFFFF', '1/1')).toBe(2);
    expect(lsnDistanceBytes('1/1', '0/FFFFFFFF')).toBe(0);
  });

  it.each(['', '16', 'x/y'])('is not "%s"', (text) => {
    expect(() => lsnToBigInt(text)).toThrow();
  });
});

describe('the name of a WAL segment', () => {
  // As pg_walfile_name() says for the same positions.
  it.each([
    [1, '0/1000000', 16, '000000010000000000000001'],
    [3, '16/B374D848', 16, '0000000300000016000000B3'],
    [1, '0/FFFFFFFF', 16, '0000000100000000000000FF'],
    [1, '1/0', 16, '000000010000000100000000'],
    [1, '16/B374D848', 1, '000000010000001600000B37'],
    [1, '16/B374D848', 64, '00000001000000160000002C'],
    [1, '16/B374D848', 1024, '000000010000001600000002'],
    [300, '0/0', 16, '0000012C0000000000000000'],
  ])('on timeline %i at %s with segments of %i MB is %s, and back', (timeline, lsn, size, name) => {
    const number = segmentNumberOf(lsn, size * mib);
    expect(segmentName({ timeline, number }, size * mib)).toBe(name);
    expect(parseSegmentName(name, size * mib)).toEqual({ timeline, number });
  });

  it.each([
    '00000002.history',
    '000000010000000000000001.partial',
    '000000010000000000000001.00000028.backup',
    'archtemp.000000010000000000000001',
    '00000001000000000000000g',
    '0000000100000000000000',
  ])('is not %s', (file) => {
    expect(parseSegmentName(file, 16 * mib)).toBeUndefined();
  });

  it('the next one follows without a hole, also across 4 GiB', () => {
    for (const size of [1, 16, 1024]) {
      const last = segmentNumberOf('0/FFFFFFFF', size * mib);
      expect(segmentNumberOf('1/0', size * mib)).toBe(last + 1n);
    }
  });
});

describe('an insert position', () => {
  const size = 16 * 1024 * 1024;

  it.each([
    ['0/3000028', '0/3000000', 'behind the long header of a segment’s first page'],
    ['0/3002018', '0/3002000', 'behind the short header of another page'],
    ['0/3000018', '0/3000018', 'inside the long header is none, and stays'],
    ['0/3000060', '0/3000060', 'behind a record'],
  ])('%s is taken as %s (%s)', (lsn, expected) => {
    expect(withoutPageHeader(lsn, size)).toBe(expected);
  });
});
