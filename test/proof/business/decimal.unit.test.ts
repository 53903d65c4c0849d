import { describe, expect, it } from 'vitest';

import {
  compareDecimal,
  formatDecimal,
  multiplyDecimal,
  parseDecimal,
  subtractDecimal,
} from '../../../src/proof/business/decimal.js';
import { parseMoment } from '../../../src/proof/business/moment.js';

describe('a decimal', () => {
  it.each([
    ['0', '0'],
    ['-0.50', '-0.50'],
    ['+7', '7'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['1e+3', '1000'],
    ['1.25e1', '12.5'],
    ['1.5e-07', '0.00000015'],
    ['123456789012345678901234567890.123456789', '123456789012345678901234567890.123456789'],
  ])('%s is read as %s', (text, shown) => {
    expect(formatDecimal(parseDecimal(text)!)).toBe(shown);
  });

  it.each(['', '.', 'NaN', 'Infinity', '-Infinity', '1,5', '$1.00', '0x10', '1e999999', 'e5'])('%j is none', (text) => {
    expect(parseDecimal(text)).toBeUndefined();
  });

  it('is compared and computed exactly', () => {
    const [a, b] = [parseDecimal('9007199254740993')!, parseDecimal('9007199254740992.0')!];
    expect(compareDecimal(a, b)).toBe(1);
    expect(compareDecimal(b, a)).toBe(-1);
    expect(compareDecimal(parseDecimal('1.0')!, parseDecimal('1.000')!)).toBe(0);
    expect(formatDecimal(subtractDecimal(parseDecimal('0.3')!, parseDecimal('0.1')!))).toBe('0.2');
    expect(formatDecimal(multiplyDecimal(parseDecimal('-0.1')!, parseDecimal('0.2')!))).toBe('-0.02');
  });
});

describe('a moment', () => {
  it.each([
    ['1970-01-01 00:00:00.000001+00', 1n],
    ['1970-01-01T00:00:00Z', 0n],
    ['1970-01-01 00:00:00.1 UTC', 100_000n],
    ['1970-01-01 05:30:00+05:30', 0n],
    ['1969-12-31 19:00:00-05', 0n],
    ['1970-01-01 00:00+0100', -3_600_000_000n],
    ['1900-01-01 00:00:28+00:00:28', -2_208_988_800_000_000n],
  ])('%s is read to the microsecond', (text, micros) => {
    expect(parseMoment(text)).toBe(micros);
  });

  it.each([
    '2026-01-01 00:00:00',
    '2026-01-01',
    'infinity',
    '-infinity',
    '0044-03-15 00:00:00+00 BC',
    '2026-13-01 00:00:00+00',
    '',
  ])('%j is none', (text) => {
    expect(parseMoment(text)).toBeUndefined();
  });
});
