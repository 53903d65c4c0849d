import { describe, expect, test } from 'vitest';

import { coincide, isCovered, shortestIntervalMs } from '../../src/schedules/coincide.js';
import { calendarOf, cronOf, parseCron } from '../../src/schedules/cron.js';
import { checkTimeZone } from '../../src/schedules/zone.js';

const hour = 3_600_000;

describe('a cron expression', () => {
  test.each([
    ['0 2 * * *', '0 2 * * *'],
    ['*/15 * * * *', '*/15 * * * *'],
    ['0,15,30,45 0-23 * * *', '*/15 * * * *'],
    ['0 2 * * MON-FRI', '0 2 * * 1-5'],
    ['0 2 * * 7', '0 2 * * 0'],
    ['0  2 1 jan,Jul *', '0 2 1 1,7 *'],
    ['5-20/5 2 * * *', '5,10,15,20 2 * * *'],
    ['0 2 29 2 *', '0 2 29 2 *'],
  ])('%s is read, and written again as %s', (text, canonical) => {
    expect(cronOf(calendarOf(text))).toBe(canonical);
    expect(cronOf(calendarOf(canonical))).toBe(canonical);
  });

  test.each([
    ['', /must have five fields .* has 0/],
    ['0 2 * *', /must have five fields .* has 4/],
    ['0 0 2 * * *', /no seconds.* has 6/],
    ['@daily', /written out/],
    ['60 2 * * *', /Invalid value for minute/],
    ['0 24 * * *', /Invalid value for hour/],
    ['0 2 * * FRI-MON', /larger/],
    ['0 2 * * SUNDAY', /stand alone/],
    ['*/0 * * * *', /stepping: 0/],
    ['0 2 L * *', /L or W/],
    ['0 2 15W * *', /L or W/],
    ['0 2 * * 5L', /L or W|wrong/],
    ['0 2 * * MON#2', /"MON#2"/],
    ['? 2 * * *', /"\?"/],
    ['0 2 1 * MON', /either, Temporal only days that are both/],
    ['0 2 30 2 *', /never happens/],
    ['0 2 31 4,6,9,11 *', /never happens/],
    ['0 2 31 4,5 *', undefined],
  ])('%j is refused', (text, problem) => {
    const parsed = parseCron(text);
    if (problem === undefined) expect(parsed).not.toHaveProperty('problem');
    else expect((parsed as { problem: string }).problem).toMatch(problem);
  });
});

test.each([
  ['* * * * *', 60_000],
  ['*/15 * * * *', hour / 4],
  ['0,50 * * * *', hour / 6],
  ['0 2 * * *', 24 * hour],
  ['0 2 * * MON', 7 * 24 * hour],
  ['0 23,1 * * *', 2 * hour],
  ['0 2 29 2 *', 1_461 * 24 * hour],
])('the shortest time between two starts of %s', (cron, ms) => {
  expect(shortestIntervalMs(calendarOf(cron))).toBe(ms);
});

test.each([
  ['0 2 * * *', '0 * * * *', true],
  ['0 2 * * *', '30 * * * *', false],
  ['0 2 * * MON', '0 2 * * TUE', false],
  ['0 2 1 * *', '0 2 * * SUN', true],
  ['0 2 29 2 *', '0 2 * * MON', true],
  ['0 2 31 * *', '0 2 * 2,4 *', false],
])('%s and %s start in the same minute: %s', (a, b, expected) => {
  expect(coincide(calendarOf(a), calendarOf(b))).toBe(expected);
  expect(coincide(calendarOf(b), calendarOf(a))).toBe(expected);
});

test.each([
  ['0 2 * * *', ['0 * * * *'], true],
  ['0 * * * *', ['0 2 * * *'], false],
  ['0 2 * * *', ['0 2 * * MON-FRI'], false],
  ['0 2 * * *', ['0 2 * * MON-FRI', '0 2 * * SAT,SUN'], true],
  ['0 2,3 * * *', ['0 2 * * *', '0 3 * * *'], true],
  ['0 2 1 * *', [], false],
])('each start of %s is one of %j: %s', (cron, others, expected) => {
  expect(isCovered(calendarOf(cron), others.map(calendarOf))).toBe(expected);
});

test.each([
  ['UTC', undefined],
  ['Etc/UTC', undefined],
  ['Europe/Berlin', undefined],
  ['US/Pacific', undefined],
  ['Europe/berlin', /must be written as "Europe\/Berlin"/],
  ['Europe/Berln', /no time zone.*Did you mean "Europe\/Berlin"/],
  ['CEST', /no time zone/],
  ['+02:00', /no time zone/],
  ['Local', /no time zone/],
  ['', /no time zone/],
])('time zone %j', (name, problem) => {
  if (problem === undefined) expect(checkTimeZone(name)).toBeUndefined();
  else expect(checkTimeZone(name)).toMatch(problem);
});
