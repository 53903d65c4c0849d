import { expect, test } from 'vitest';

import { PaceMeter } from '../../src/cli/pace.js';

const MB = 1_000_000;

test('the pace is what was done between two looks, and says how long the rest takes', () => {
  const meter = new PaceMeter();
  expect(meter.add(0, { doneBytes: 0, totalBytes: 100 * MB })).toBeUndefined();
  expect(meter.add(2_000, { doneBytes: 20 * MB, totalBytes: 100 * MB })).toEqual({
    bytesPerSecond: 10 * MB,
    secondsLeft: 8,
  });
});

test('looks between two heartbeats do not slow it down', () => {
  const meter = new PaceMeter();
  meter.add(0, { doneBytes: 0, totalBytes: 100 * MB });
  meter.add(2_000, { doneBytes: 20 * MB, totalBytes: 100 * MB });
  expect(meter.add(2_500, { doneBytes: 20 * MB, totalBytes: 100 * MB })?.bytesPerSecond).toBe(10 * MB);
});

test('it follows a change within half a minute, and is unknown once nothing has moved for so long', () => {
  const meter = new PaceMeter();
  meter.add(0, { doneBytes: 0, totalBytes: 1_000 * MB });
  meter.add(10_000, { doneBytes: 500 * MB, totalBytes: 1_000 * MB });
  meter.add(35_000, { doneBytes: 525 * MB, totalBytes: 1_000 * MB });
  expect(meter.add(36_000, { doneBytes: 526 * MB, totalBytes: 1_000 * MB })?.bytesPerSecond).toBe(MB);
  expect(meter.add(70_000, { doneBytes: 526 * MB, totalBytes: 1_000 * MB })).toBeUndefined();
});

test('another whole, or a new try that begins anew, is measured by itself', () => {
  const meter = new PaceMeter();
  meter.add(0, { doneBytes: 0, totalBytes: 100 * MB });
  meter.add(2_000, { doneBytes: 90 * MB, totalBytes: 100 * MB });
  expect(meter.add(2_500, { doneBytes: 1 * MB, totalBytes: 100 * MB })).toBeUndefined();
  expect(meter.add(4_500, { doneBytes: 5 * MB, totalBytes: 100 * MB })?.bytesPerSecond).toBe(2 * MB);
  expect(meter.add(5_000, { doneBytes: 6 * MB, totalBytes: 50 * MB })).toBeUndefined();
});

test('without a whole there is a pace and no end', () => {
  const meter = new PaceMeter();
  meter.add(0, { doneBytes: 0 });
  expect(meter.add(1_000, { doneBytes: MB })).toEqual({ bytesPerSecond: MB });
  expect(meter.add(1_500, {})).toBeUndefined();
});
