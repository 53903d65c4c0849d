import { expect, test } from 'vitest';

import { recoveryTargetTime, timeTargetMs } from '../../src/schema/target.js';

test.each([
  ['2026-11-24T17:36:29.123Z', '2026-11-24T17:36:29.123+00'],
  ['2026-11-24 17:36:29 UTC', '2026-11-24 17:36:29+00'],
  ['2026-11-24 17:36:29.123456+05:30', '2026-11-24 17:36:29.123456+05:30'],
])('%s is written for recovery_target_time without a zone’s name, and is the same moment', (time, written) => {
  expect(recoveryTargetTime(time)).toBe(written);
  expect(timeTargetMs(written)).toBe(timeTargetMs(time));
});
