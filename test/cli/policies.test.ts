import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ScheduleHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type CommandResult, eventually, pgdrill } from '../support/programs.js';
import { makeScratch, removeScratch } from '../support/scratch.js';
import { startTestTemporal, type TestTemporal } from '../support/temporal.js';

// Schedules need no cluster until they start something, and nobody works here. Their times are far away: none begins by itself meanwhile.
let temporal: TestTemporal;
let scratch: string;

beforeAll(async () => {
  temporal = await startTestTemporal();
  scratch = await makeScratch();
  await configure(`
    policies:
      daily_full: { type: full, cron: 0 2 29 2 *, keep: 30d }
      hourly_incremental: { type: incremental, cron: 0 * 29 2 *, keep: 7d }
      off: { type: full, cron: 30 3 1 * *, enabled: false }
    drills: { nightly: { cron: 0 4 29 2 * } }
    retention: { cron: 30 4 29 2 * }`);
});
afterAll(async () => {
  await temporal.stop();
  await removeScratch(scratch);
});

async function configure(cluster: string): Promise<void> {
  await writeFile(
    join(scratch, 'pgdrill.yaml'),
    `state_directory: ${join(scratch, 'state')}
temporal: { task_queue: policies-cli }
clusters:
  shop:
    connection: host=/nowhere user=pgdrill dbname=postgres
    repository: ${join(scratch, 'repository')}
${cluster}
`,
  );
}

const policies = (...args: string[]): Promise<CommandResult> =>
  pgdrill(['policies', ...args], { env: { ...temporal.env, PGDRILL_CONFIG: join(scratch, 'pgdrill.yaml') } });

async function said(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await policies(...args);
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

async function refused(exitCode: number, ...args: string[]): Promise<string> {
  const command = await policies(...args);
  expect(command.exitCode, command.stdout + command.stderr).toBe(exitCode);
  return command.stderr;
}

async function answer<T>(...args: string[]): Promise<T> {
  return JSON.parse(await said(...args, '--json')) as T;
}

const schedule = (name: string): ScheduleHandle => temporal.client.schedule.getHandle(`pgdrill-shop-${name}`);

interface Changes {
  changes: { id: string; action: string; edited: boolean }[];
  applied?: boolean;
}

/** Those that are not as configured. */
const pending = async (...args: string[]): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await answer<Changes>(...args)).changes
      .filter(({ action }) => action !== 'none')
      .map(({ id, action, edited }) => [id.replace('pgdrill-shop-', ''), edited ? `${action}, edited` : action]),
  );

describe('pgdrill policies', () => {
  test('plan shows what is not in Temporal, and changes nothing', async () => {
    const [text, dryRun] = await Promise.all([said('plan'), said('apply', '--dry-run')]);
    expect(text).toContain('+ shop backup daily_full: is not in Temporal\n    0 2 29 2 * UTC');
    expect(text).toContain('leaves out the times of daily_full (0 2 29 2 *), which gives more');
    expect(text).toContain('5 to create.');
    expect(dryRun).toBe(text);
    await expect(schedule('backup-daily_full').describe()).rejects.toThrow('not found');
  });

  test('apply makes them, and again changes nothing', async () => {
    expect(await answer<Changes>('apply')).toMatchObject({ applied: true });
    expect(await said('apply')).toContain('Temporal has what the configuration says.');
  });

  test('list shows when each runs next, and what is switched off', async () => {
    const text = await said('list', 'shop');
    expect(text).toMatch(/shop +backup +daily_full +0 2 29 2 \* UTC +active +\d{4}-02-29 02:00 UTC/);
    expect(text).toMatch(/shop +backup +off .* switched off/);
    expect(text).toMatch(/shop +drill +nightly/);
    expect(text).toMatch(/shop +retention/);
  });

  test('pause and resume leave a word on why', async () => {
    await said('pause', 'shop', 'daily_full', '--reason', 'storage is being moved');
    expect((await schedule('backup-daily_full').describe()).state).toMatchObject({
      paused: true,
      note: expect.stringMatching(/^Paused by .*: storage is being moved$/) as string,
    });
    expect(await said('list')).toMatch(/daily_full .* paused[^]*shop backup daily_full: Paused by .*being moved/);
    // A pause is no drift.
    expect(await pending('plan')).toEqual({});
    await said('resume', 'shop', 'daily_full');
    expect((await schedule('backup-daily_full').describe()).state.paused).toBe(false);
  });

  test('run starts one now, and not twice', async () => {
    const { id } = await answer<{ id: string }>('run', 'shop', 'daily_full');
    const handle = temporal.client.workflow.getHandle(id);
    expect(await handle.describe()).toMatchObject({ type: 'backup', taskQueue: 'policies-cli' });
    expect(await refused(1, 'run', 'shop', 'daily_full')).toMatch(/runs already/);
    expect(await said('list')).toMatch(/daily_full .* running /);
    await handle.terminate('enough');
  });

  test('what does not exist is refused, and what is like it is named', async () => {
    const refusals = [
      refused(64, 'pause', 'shop', 'daily_ful'),
      refused(64, 'resume', 'shop', 'off'),
      refused(78, 'plan', 'shoop'),
    ];
    expect(await Promise.all(refusals)).toEqual(
      ['daily_full', 'switched off in the configuration', 'shop'].map((why) => expect.stringContaining(why) as string),
    );
  });

  test('what somebody changed in Temporal is shown, and set back only with a yes', async () => {
    await schedule('backup-hourly_incremental').update(({ spec, ...before }) => ({
      ...before,
      spec: { ...spec, calendars: [{ hour: 3, minute: 15 }] },
    }));
    await schedule('drill-nightly').delete();
    const drift = { 'backup-hourly_incremental': 'update, edited', 'drill-nightly': 'create' };
    const [text, list] = await Promise.all([said('plan'), said('list')]);
    expect(text).toContain('+ shop drill nightly: is not in Temporal');
    expect(text).toContain('cron: 15 3 * * * → 0 * 29 2 *');
    expect(text).toContain('It was changed in Temporal since pgdrill applied it; this is set back.');
    expect(list).toContain('Temporal differs from the configuration');
    expect(await refused(64, 'apply')).toContain('set back what was changed by hand in shop backup hourly_incremental');
    expect(await pending('plan')).toEqual(drift);
    expect(await said('apply', '--yes')).toContain('Applied.');
    expect(await pending('plan')).toEqual({});
  });

  test('what left the configuration is removed only with a yes', async () => {
    await configure('    policies: { daily_full: { type: full, cron: 0 2 29 2 *, keep: 30d } }');
    // Temporal finds schedules by an index that is a moment behind.
    await eventually('the index', async () =>
      Object.values(await pending('plan')).filter((action) => action === 'remove').length === 4 ? true : undefined,
    );
    expect(await refused(64, 'apply')).toContain('remove');
    expect(await said('apply', '--yes')).toContain('Applied.');
    await expect(schedule('drill-nightly').describe()).rejects.toThrow('not found');
    expect((await schedule('backup-daily_full').describe()).spec.calendars).toHaveLength(1);
  });
});
