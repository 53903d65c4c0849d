import { expect, test } from 'vitest';

import { markOf } from '../../src/client/schedules/facets.js';
import { planChanges } from '../../src/client/schedules/plan.js';
import {
  type ActualSchedule,
  facetsOfWish,
  identityOf,
  switchedOffNote,
} from '../../src/client/schedules/to-temporal.js';
import type { ScheduleWish } from '../../src/client/schedules/wish.js';
import { wishedSchedules } from '../../src/client/schedules/wished.js';
import { parseConfiguration } from '../../src/configuration/load.js';
import { scheduleWarnings } from '../../src/schedules/warnings.js';

const configuration = (policies: string): ReturnType<typeof parseConfiguration> =>
  parseConfiguration(
    `clusters:\n  shop:\n    connection: service=shop\n    repository: /r/shop\n    policies:\n${policies.replace(/^/gm, '      ')}`,
    'test',
  );
const wishOf = (policy: string): ScheduleWish => wishedSchedules(configuration(policy))[0]!;

const full = wishOf('daily: { type: full, cron: 0 2 * * * }');
const switchedOff = wishOf('daily: { type: full, cron: 0 2 * * *, enabled: false }');

/** What Temporal has after a wish was applied. */
function applied(wish: ScheduleWish, changes: Partial<ActualSchedule> = {}, taskQueue = 'pgdrill'): ActualSchedule {
  const facets = facetsOfWish(wish, taskQueue);
  return {
    id: wish.id,
    identity: identityOf(wish, taskQueue),
    facets,
    applied: { mark: markOf(facets), enabled: wish.enabled },
    paused: !wish.enabled,
    note: wish.enabled ? '' : switchedOffNote,
    ...changes,
  };
}

const plan = (wishes: ScheduleWish[], actual: ActualSchedule[]): ReturnType<typeof planChanges> =>
  planChanges(wishes, actual, 'pgdrill');

/** As a schedule looks that has lost a part, or never had it. */
function without(schedule: ActualSchedule, key: 'applied' | 'identity'): ActualSchedule {
  return Object.fromEntries(Object.entries(schedule).filter(([each]) => each !== key)) as unknown as ActualSchedule;
}

test('what is as configured is left alone', () => {
  expect(plan([full], [applied(full)])).toMatchObject([{ action: 'none', differences: [], edited: false, notes: [] }]);
});

test('what Temporal does not have is made', () => {
  expect(plan([full], [])).toMatchObject([{ action: 'create', id: 'pgdrill-shop-backup-daily', wish: full }]);
});

test('a change of the configuration is no drift', () => {
  const earlier = wishOf('daily: { type: full, cron: 0 3 * * *, jitter: 5m }');
  expect(plan([full], [applied(earlier)])).toMatchObject([
    {
      action: 'update',
      edited: false,
      differences: [
        { what: 'cron', from: '0 3 * * *', to: '0 2 * * *' },
        { what: 'jitter', from: '5m', to: 'none' },
      ],
    },
  ]);
});

test.each([
  ['cron', '0 2 * * 1'],
  ['overlap', 'ALLOW_ALL'],
  ['catch-up', '365d'],
  ['input', '[{"cluster":"bank"}]'],
  ['task queue', 'other'],
  ['limits', '3 starts left'],
] as const)('a change behind its back is drift: %s', (what, value) => {
  const ours = applied(full);
  const edited = { ...ours, facets: { ...ours.facets, [what]: value } };
  expect(plan([full], [edited])).toMatchObject([
    { action: 'update', edited: true, differences: [{ what, from: value, to: ours.facets[what] }] },
  ]);
  // Also where the tool that did it threw our mark away.
  expect(plan([full], [without(edited, 'applied')])).toMatchObject([{ action: 'update', edited: true }]);
});

test('a pause that a person made is told, and kept', () => {
  const paused = applied(full, { paused: true, note: 'storage is being moved.' });
  expect(plan([full], [paused])).toMatchObject([
    { action: 'none', notes: [expect.stringMatching(/paused: storage is being moved\./)] },
  ]);
  // A pause after a failure, too.
  expect(plan([switchedOff], [applied(switchedOff, { note: 'paused due to failure' })])).toMatchObject([
    { action: 'none' },
  ]);
});

test('what the configuration switches off and on again follows it', () => {
  expect(plan([switchedOff], [applied(full)])).toMatchObject([
    { action: 'update', edited: false, differences: [{ what: 'state', from: 'active', to: 'switched off' }] },
  ]);
  expect(plan([full], [applied(switchedOff)])).toMatchObject([
    { action: 'update', edited: false, differences: [{ what: 'state', from: 'switched off', to: 'active' }] },
  ]);
  // Somebody resumed it by hand.
  expect(plan([switchedOff], [applied(switchedOff, { paused: false })])).toMatchObject([
    { action: 'update', edited: true, differences: [{ what: 'state' }] },
  ]);
});

test('what left the configuration is removed, if this installation made it', () => {
  const old = wishOf('old: { type: full, cron: 0 1 * * * }');
  expect(plan([full], [applied(full), applied(old)])).toMatchObject([
    { action: 'none' },
    { action: 'remove', id: 'pgdrill-shop-backup-old', edited: false },
  ]);
  const strangers = without(applied(old), 'identity');
  expect(plan([], [applied(old, {}, 'other-queue'), strangers])).toEqual([]);
});

test('an id that is taken by somebody else is not touched', () => {
  const strangers = without(applied(full), 'identity');
  expect(plan([full], [strangers])).toMatchObject([
    { action: 'foreign', notes: [expect.stringMatching(/did not make/)] },
  ]);
  expect(plan([full], [applied(full, {}, 'other-queue')])).toMatchObject([
    { action: 'foreign', notes: [expect.stringMatching(/task queue other-queue/)] },
  ]);
});

test.each([
  ['daily_full: { type: full, cron: 0 2 * * * }\nhourly: { type: incremental, cron: 0 * * * *, keep: 7d }', []],
  ['hourly: { type: incremental, cron: 0 * * * * }', [/no policy of type full/]],
  ['nightly: { type: synthetic, cron: 0 2 * * * }\nhourly: { type: incremental, cron: 0 * * * *, keep: 7d }', []],
  [
    'daily: { type: full, cron: 0 2 * * *, keep: 7d }\nhourly: { type: incremental, cron: 30 * * * *, keep: 30d }',
    [/hourly is kept for 30d, the fulls that it builds on for 7d \(daily\)/],
  ],
  [
    'daily: { type: full, cron: 0 2 * * * }\nearly: { type: incremental, cron: 0 3 * * *, time_zone: Europe/Berlin }',
    [/daily \(UTC\) and early \(Europe\/Berlin\) can start in the same minute/],
  ],
  [
    'daily: { type: full, cron: 0 2 * * * }\nlate: { type: incremental, cron: 0 6 * * *, time_zone: Europe/Berlin }',
    [],
  ],
])('warnings for %j', (policies, expected) => {
  const warnings = scheduleWarnings(configuration(policies));
  expect(warnings).toHaveLength(expected.length);
  expected.forEach((pattern, index) => expect(warnings[index]).toMatch(pattern));
});
