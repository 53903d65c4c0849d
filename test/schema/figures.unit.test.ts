import { expect, it } from 'vitest';

import { minute, moment, seconds } from '../../src/schema/figures.js';

it.each([
  [0.04, '0.0 s'],
  [119.9, '119.9 s'],
  [400, '6 min 40 s'],
  [7_200, '2 h 0 min'],
  [47 * 3_600 + 59 * 60, '47 h 59 min'],
  [48 * 3_600, '2 d 0 h'],
  [178 * 3_600 + 13 * 60, '7 d 10 h'],
])('%s seconds are %s', (value, text) => {
  expect(seconds(value)).toBe(text);
});

it('moments are said in UTC, to the second or to the minute', () => {
  const at = '2026-11-24T15:56:55.792Z';
  expect([moment(at), moment(new Date(at))]).toEqual(Array(2).fill('2026-11-24 15:56:55 UTC'));
  expect([minute(at), minute(new Date(at))]).toEqual(Array(2).fill('2026-11-24 15:56 UTC'));
});
