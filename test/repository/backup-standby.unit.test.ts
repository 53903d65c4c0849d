import { expect, it } from 'vitest';

import type { Standby } from '../../src/postgres/standby.js';
import { whyNoStandby } from '../../src/repository/backup-standby.js';

const primary = { systemIdentifier: '7', timeline: 2, serverVersionNumber: 170_011 };
const standby = { systemIdentifier: '7', inRecovery: true, timeline: 2, serverVersionNumber: 170_010 } as Standby;

it.each([
  ['a standby, even of an older minor version', {}, undefined],
  ['one that does not know its timeline yet', { timeline: null }, undefined],
  ['another cluster', { systemIdentifier: '8' }, 'has system identifier 8, the primary 7: it is another cluster'],
  ['a primary', { inRecovery: false, timeline: null }, 'is no standby (not in recovery)'],
  ['a standby of the old primary', { timeline: 1 }, 'follows timeline 1, the primary is on 2'],
  ['another major version', { serverVersionNumber: 180_006 }, 'is of another major version than the primary'],
])('%s', (_, change, reason) => {
  const found = whyNoStandby({ ...standby, ...change }, primary);
  expect(found === undefined ? undefined : found.slice(0, reason?.length)).toBe(reason);
});
