import { expect, test } from 'vitest';

import { wishedSchedules } from '../../src/client/schedules/wished.js';
import type { ScheduleWish } from '../../src/client/schedules/wish.js';
import { parseConfiguration } from '../../src/configuration/load.js';

function wishesOf(lines: string): ScheduleWish[] {
  return wishedSchedules(
    parseConfiguration(
      `clusters:\n  shop:\n    connection: service=shop\n    repository: /r/shop\n${lines.replace(/^/gm, '    ')}`,
      'test',
    ),
  );
}

test('the two policies that everybody begins with: the full wins the hour that they share', () => {
  expect(
    wishesOf(`policies:
  daily_full: { type: full, cron: 0 2 * * *, keep: 30d }
  hourly_incremental: { type: incremental, cron: 0 * * * *, keep: 7d }`),
  ).toEqual([
    {
      id: 'pgdrill-shop-backup-daily_full',
      cluster: 'shop',
      kind: 'backup',
      name: 'daily_full',
      workflowType: 'backup',
      workflowId: 'backup-shop-daily_full',
      input: { cluster: 'shop', type: 'full', policy: 'daily_full' },
      summary: 'full backup of shop for policy daily_full',
      cron: '0 2 * * *',
      timeZone: 'UTC',
      jitterMs: 0,
      catchUpMs: 12 * 3_600_000,
      except: [],
      pauseOnFailure: false,
      enabled: true,
    },
    expect.objectContaining({
      id: 'pgdrill-shop-backup-hourly_incremental',
      input: { cluster: 'shop', type: 'incremental', policy: 'hourly_incremental' },
      catchUpMs: 3_600_000,
      except: [{ name: 'daily_full', cron: '0 2 * * *' }],
    }),
  ]);
});

test('a synthetic policy consolidates what is there, and steps back for a full only', () => {
  const wishes = wishesOf(`policies:
  weekly_full: { type: full, cron: 0 2 * * SUN, keep: 60d }
  nightly: { type: synthetic, cron: 0 2 * * *, keep: 14d }
  hourly: { type: incremental, cron: 0 * * * *, keep: 7d }`);
  expect(wishes[1]).toMatchObject({
    ...{ kind: 'backup', workflowType: 'consolidate', workflowId: 'backup-shop-nightly' },
    input: { cluster: 'shop', policy: 'nightly' },
    except: [{ name: 'weekly_full', cron: '0 2 * * SUN' }],
  });
  expect(wishes[2]?.except.map(({ name }) => name)).toEqual(['weekly_full', 'nightly']);
});

test('of equal types the one that is kept longer wins, and a weaker one yields to each stronger', () => {
  const wishes = wishesOf(`policies:
  daily: { type: full, cron: 0 2 * * *, keep: 7d }
  monthly: { type: full, cron: 0 2 1 * *, keep: 365d }
  midday: { type: differential, cron: 0 12 * * * }
  hourly: { type: incremental, cron: 0 * * * * }
  tokyo: { type: incremental, cron: 0 * * * *, time_zone: Asia/Tokyo }`);
  expect(Object.fromEntries(wishes.map(({ name, except }) => [name, except.map((each) => each.name)]))).toEqual({
    daily: ['monthly'],
    monthly: [],
    midday: [],
    hourly: ['daily', 'monthly', 'midday'],
    tokyo: [],
  });
});

test('drills and sabotage: their inputs hold what was configured, no more', () => {
  const [plain, full, turns, sabotage] = wishesOf(`drills:
  nightly: { cron: 0 4 * * *, jitter: 10m, catch_up: 1h }
  weekly: { cron: 0 5 * * SUN, time_zone: Europe/Berlin, target: latest, backup: full, gates: [promote], gate_timeout: 2h, enabled: false, pause_on_failure: false }
  turns: { cron: 0 5 * * SAT, scenario: rotate }
sabotage: { cron: 0 6 * * SUN }`);
  expect(plain).toMatchObject({
    id: 'pgdrill-shop-drill-nightly',
    workflowType: 'drill',
    workflowId: 'drill-shop-nightly',
    input: { cluster: 'shop' },
    jitterMs: 600_000,
    catchUpMs: 3_600_000,
    pauseOnFailure: true,
  });
  expect(turns).toMatchObject({ input: { cluster: 'shop', scenario: 'rotate' } });
  expect(plain?.input).toEqual({ cluster: 'shop' });
  expect(full).toMatchObject({
    timeZone: 'Europe/Berlin',
    input: { cluster: 'shop', target: 'latest', backup: 'full', gates: ['promote'], gateTimeout: '2h' },
    enabled: false,
    pauseOnFailure: false,
  });
  expect(sabotage).toMatchObject({
    id: 'pgdrill-shop-sabotage',
    workflowType: 'sabotageDrill',
    workflowId: 'sabotage-drill-shop',
    input: { cluster: 'shop' },
  });
});

test('two that would have one id are refused', () => {
  expect(() =>
    wishedSchedules(
      parseConfiguration(
        `clusters:
  a:
    connection: service=a
    repository: /r/a
    policies: { b-drill-c: { type: full, cron: 0 2 * * * } }
  a-backup-b:
    connection: service=b
    repository: /r/b
    drills: { c: { cron: 0 2 * * * } }
`,
        'test',
      ),
    ),
  ).toThrow(/Two schedules would be called pgdrill-a-backup-b-drill-c/);
});
