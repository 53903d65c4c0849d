import { readFile } from 'node:fs/promises';

import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { appliedPolicies, mirrorPolicies } from '../../src/catalog/catalog.js';
import { migrate } from '../../src/catalog/migrate.js';
import { applyChange, refuseForeign } from '../../src/client/schedules/apply.js';
import { pause, resume, standings } from '../../src/client/schedules/list.js';
import { type PlannedChange, planChanges } from '../../src/client/schedules/plan.js';
import { readSchedules } from '../../src/client/schedules/read.js';
import { triggerNow } from '../../src/client/schedules/trigger.js';
import { wishedSchedules } from '../../src/client/schedules/wished.js';
import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { openRepository } from '../../src/repository/repository.js';
import { withWriterLock } from '../../src/repository/writer-lock.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import { configure } from '../support/pgdrill-config.js';
import { eventually } from '../support/programs.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { startTestTemporal, startWorker, type TestTemporal } from '../support/temporal.js';

let temporal: TestTemporal;
let shop: ProtectedCluster;
let loaded: LoadedConfiguration;
let taskQueue: string;

const policies = `policies:
  daily_full: { type: full, cron: 0 2 * * *, keep: 30d }
  hourly_incremental: { type: incremental, cron: 0 * * * *, keep: 7d, jitter: 1m }
  off: { type: full, cron: 30 3 29 2 *, enabled: false }
  berlin: { type: full, cron: '*/20 1-5/2 * JAN-MAR,DEC MON-FRI', time_zone: Europe/Berlin, catch_up: 90m }
drills: { nightly: { cron: 0 4 * * *, gates: [promote] } }
sabotage: { cron: 0 5 * * 7 }`;

beforeAll(async () => {
  temporal = await startTestTemporal();
  shop = await protectCluster();
  loaded = await configure(shop, { cluster: policies });
  taskQueue = loaded.configuration.temporal.task_queue;
});

afterAll(async () => {
  await shop.remove();
  await temporal.stop();
});

async function plan(configuration = loaded.configuration): Promise<PlannedChange[]> {
  const wishes = wishedSchedules(configuration);
  return planChanges(wishes, await readSchedules(temporal.client, wishes, taskQueue), taskQueue);
}

async function apply(changes: readonly PlannedChange[]): Promise<void> {
  for (const change of changes) await applyChange(temporal.client, change, taskQueue);
}

const idOf = (name: string): string => `pgdrill-shop-backup-${name}`;
const actionsOf = (changes: readonly PlannedChange[]): string[] => [...new Set(changes.map(({ action }) => action))];

describe('schedules on a real Temporal', { timeout: 120_000 }, () => {
  test('are made, and are then what the configuration says, to the letter', async () => {
    const changes = await plan();
    expect(changes).toHaveLength(6);
    expect(actionsOf(changes)).toEqual(['create']);
    await apply(changes);
    expect((await plan()).map(({ action, differences }) => ({ action, differences }))).toEqual(
      changes.map(() => ({ action: 'none', differences: [] })),
    );
    const hourly = await temporal.client.schedule.getHandle(idOf('hourly_incremental')).describe();
    expect(hourly.policies).toEqual({
      overlap: ScheduleOverlapPolicy.SKIP,
      catchupWindow: 3_600_000,
      pauseOnFailure: false,
    });
  });

  test('start when cron says: the full has its hour for itself', async () => {
    const nextOf = async (name: string): Promise<Date[]> =>
      (await temporal.client.schedule.getHandle(idOf(name)).describe()).info.nextActionTimes;
    const [daily] = await nextOf('daily_full');
    expect(daily?.toISOString()).toMatch(/T02:00:00.000Z$/);
    const { raw } = await temporal.client.schedule.getHandle(idOf('hourly_incremental')).describe();
    expect(raw.schedule?.spec?.excludeStructuredCalendar).toHaveLength(1);
    // Only ten times are told, and jitter moves them: the server is asked for each minute of a day instead.
    const day = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    const asked: unknown = await temporal.client.workflowService.listScheduleMatchingTimes({
      namespace: 'default',
      scheduleId: idOf('hourly_incremental'),
      startTime: { seconds: Date.parse(`${day}T00:00:00Z`) / 1_000 - 1 },
      endTime: { seconds: Date.parse(`${day}T23:59:59Z`) / 1_000 },
    } as never);
    const { startTime } = asked as { startTime: { seconds: unknown }[] };
    const hours = startTime.map(({ seconds }) => new Date(Number(seconds) * 1_000).getUTCHours());
    expect(hours).toEqual(Array.from({ length: 24 }, (_, hour) => hour).filter((hour) => hour !== 2));
    const berlin = await nextOf('berlin');
    const format = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', timeStyle: 'short' });
    for (const time of berlin) expect(format.format(time)).toMatch(/^0[135]:(00|20|40)$/);
  });

  test('that somebody edits, pauses or deletes behind our back are told, and set back', async () => {
    const handle = temporal.client.schedule.getHandle(idOf('daily_full'));
    await handle.update(({ spec, action, policies: before, state }) => ({
      spec: { ...spec, calendars: [{ hour: 3, minute: 15 }] },
      action,
      policies: { ...before, catchupWindow: '365 days' },
      state,
    }));
    await temporal.client.schedule.getHandle('pgdrill-shop-sabotage').delete();
    await temporal.client.schedule.getHandle('pgdrill-shop-drill-nightly').pause('too loud');
    const changes = await plan();
    const byId = (id: string): PlannedChange => changes.find((change) => change.id === id)!;
    expect(byId(idOf('daily_full'))).toMatchObject({
      action: 'update',
      edited: true,
      differences: [
        { what: 'cron', from: '15 3 * * *', to: '0 2 * * *' },
        { what: 'catch-up', from: '365d', to: '12h' },
      ],
    });
    expect(byId('pgdrill-shop-sabotage').action).toBe('create');
    expect(byId('pgdrill-shop-drill-nightly')).toMatchObject({ action: 'none', notes: [/too loud/] as unknown[] });
    await apply(changes);
    expect(actionsOf(await plan())).toEqual(['none']);
    expect((await temporal.client.schedule.getHandle('pgdrill-shop-drill-nightly').describe()).state.paused).toBe(true);
  });

  test('that are not ours are left alone', async () => {
    const stranger = { ...loaded.configuration, temporal: { task_queue: 'another-host' } };
    const wishes = wishedSchedules(stranger);
    const theirs = planChanges(wishes, await readSchedules(temporal.client, wishes, 'another-host'), 'another-host');
    expect(actionsOf(theirs)).toEqual(['foreign']);
    expect(() => refuseForeign(theirs)).toThrow(/belongs to shop backup daily_full on task queue/);
    // Nor does an installation without a single schedule remove ours.
    expect(planChanges([], await readSchedules(temporal.client, [], 'another-host'), 'another-host')).toEqual([]);
  });

  test('a run that is triggered is a backup that knows its policy, and waits its turn', async () => {
    const worker = await startWorker(temporal, loaded);
    try {
      const [wish] = wishedSchedules(loaded.configuration);
      await pause(temporal.client, wish!.id, 'Paused by a test.');
      const repository = await openRepository(shop.patient);
      const id = await withWriterLock(repository.path, 'a long full backup', async () => {
        const started = await triggerNow(temporal.client, wish!, taskQueue);
        expect(started).toMatch(/^backup-shop-daily_full-\d{4}-\d\d-\d\dT/);
        await eventually('the backup to wait', async () => {
          const { steps } = await temporal.client.workflow
            .getHandle(started)
            .query<WorkflowProgress>('progress')
            .catch(() => ({ steps: [] }) as unknown as WorkflowProgress);
          return steps.some(({ summary }) => /^waits: .*a long full backup/.test(summary ?? '')) ? true : undefined;
        });
        await expect(triggerNow(temporal.client, wish!, taskQueue)).rejects.toThrow(/runs already/);
        return started;
      });
      expect(await temporal.client.workflow.getHandle(id).result()).toMatchObject({
        policy: 'daily_full',
        type: 'full',
      });
      const record: unknown = JSON.parse(
        await readFile(
          `${repository.path}/backups/${((await temporal.client.workflow.getHandle(id).result()) as { id: string }).id}/record.json`,
          'utf8',
        ),
      );
      expect(record).toMatchObject({ policy: 'daily_full' });
      const changes = await plan();
      const wishes = wishedSchedules(loaded.configuration);
      const rows = await standings(
        { ...temporal, namespace: 'default', close: () => Promise.resolve() },
        changes,
        await readSchedules(temporal.client, wishes, taskQueue),
      );
      expect(rows[0]).toMatchObject({ state: 'paused', note: 'Paused by a test.', last: { outcome: 'completed' } });
      expect(rows[2]).toMatchObject({ name: 'off', state: 'switched off' });
      await resume(temporal.client, wish!.id, 'Resumed by a test.');
    } finally {
      await worker.stop();
    }
  });

  test('that left the configuration go, and only they', async () => {
    const { daily_full } = loaded.configuration.clusters['shop']!.policies;
    const smaller = {
      ...loaded.configuration,
      clusters: {
        shop: {
          ...loaded.configuration.clusters['shop']!,
          policies: { daily_full: daily_full! },
          drills: {},
          sabotage: undefined,
        },
      },
    };
    // Temporal's list is built from its index, which is a moment behind.
    const changes = await eventually('the index', async () => {
      const found = await plan(smaller);
      return found.filter(({ action }) => action === 'remove').length === 5 ? found : undefined;
    });
    await apply(changes);
    expect((await plan(smaller)).map(({ id, action }) => ({ id, action }))).toEqual([
      { id: idOf('daily_full'), action: 'none' },
    ]);
  });
});

test('backup_policies shows what was applied, and no more', async () => {
  const client = await shop.source.connect();
  try {
    await migrate(client);
    const [full, hourly] = Object.entries(loaded.configuration.clusters['shop']!.policies).map(([name, policy]) => ({
      cluster: 'shop',
      name,
      policy,
      scheduleId: idOf(name),
    }));
    await mirrorPolicies(client, ['shop'], [full!, hourly!]);
    // Applied again, with one gone and another changed: half a day is rounded up.
    await mirrorPolicies(client, ['shop'], [{ ...full!, policy: { ...full!.policy, keep: '36h', enabled: false } }]);
    const { rows } = await client.query(
      'select policy_name, backup_type, retention_days, schedule_cron, time_zone, keep, enabled from pgdrill.backup_policies',
    );
    expect(rows).toEqual([
      {
        policy_name: 'daily_full',
        backup_type: 'full',
        retention_days: 2,
        schedule_cron: '0 2 * * *',
        time_zone: 'UTC',
        keep: '36h',
        enabled: false,
      },
    ]);
    expect([...(await appliedPolicies(client)).keys()]).toEqual([idOf('daily_full')]);
    // Another cluster's are not touched.
    await mirrorPolicies(client, ['bank'], []);
    expect((await appliedPolicies(client)).size).toBe(1);
  } finally {
    await client.end();
  }
});
