import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ScheduleOverlapPolicy, type WorkflowHandle, WorkflowFailedError } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { withCatalog } from '../../src/catalog/catalog.js';
import { scheduleJanitor } from '../../src/client/janitor-schedule.js';
import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { instanceStatus } from '../../src/postgres/instance.js';
import { isRunning, startTimeOf } from '../../src/process/process-identity.js';
import { Registry } from '../../src/registry/registry.js';
import { sandboxLayout } from '../../src/restore/sandbox.js';
import type { SweepReport } from '../../src/schema/leftovers.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import { leftovers, processesUnder } from '../support/leftovers.js';
import { eventually, launchWorker, pgdrill, type Program } from '../support/programs.js';
import type { ProtectedCluster } from '../support/protected-cluster.js';
import { startRunbook, type Runbook } from '../support/runbook.js';
import { start, type TestTemporal, withWorker } from '../support/temporal.js';

let book: Runbook;
let temporal: TestTemporal;
let shop: ProtectedCluster;
let loaded: LoadedConfiguration;
let workers: Program[] = [];

beforeAll(async () => {
  book = await startRunbook();
  ({ temporal, shop, loaded } = book);
});

afterAll(() => book.close());

afterEach(async () => {
  for (const worker of workers) await worker.kill('SIGKILL');
  workers = [];
  expect(await leftovers(shop)).toEqual([]);
  expect(await registered()).toEqual([]);
});

describe('what a terminated run leaves', { timeout: 180_000 }, () => {
  test('of a drill is kept while it runs, shown in a dry run, and gone after the sweep', async () => {
    await withWorker(temporal, loaded, {}, async () => {
      const handle = await start(temporal, loaded, 'drill', { cluster: 'shop', gates: ['promote'] });
      await waitsAt(handle, 'promote');
      const [name] = await readdir(shop.patient.sandboxDirectory);
      const sandbox = sandboxLayout(name!, shop.patient.sandboxDirectory);
      const server = (await instanceStatus(sandbox.dataDirectory))!;

      expect(await sweep()).toMatchObject({ removed: [], kept: [{ why: 'its run is not over' }], failed: [] });
      expect(isRunning(server)).toBe(true);
      expect(await holds()).toHaveLength(1);

      await handle.terminate('by a person in the Web UI');
      const dry = await janitorCommand('--dry-run', '--grace', '0s');
      expect(dry).toMatchObject({ dryRun: true, removed: [{ what: `sandbox ${sandbox.directory}` }] });
      expect(isRunning(server)).toBe(true);
      expect(await sweep({})).toMatchObject({
        kept: [{ why: expect.stringMatching(/ended only \d+ s ago/) as string }],
      });

      expect(await sweep()).toMatchObject({
        removed: [{ what: `sandbox ${sandbox.directory}`, workflowId: handle.workflowId, cluster: 'shop' }],
      });
      expect([isRunning(server), existsSync(sandbox.directory), existsSync(sandbox.socketDirectory)]).toEqual([
        false,
        false,
        false,
      ]);
      expect(await holds()).toEqual([]);
    });
  });

  test('of a recovery goes, with what it had put into the new directory', async () => {
    const into = join(shop.scratch, 'terminated');
    await withWorker(temporal, loaded, {}, async () => {
      const handle = await start(temporal, loaded, 'recover', { cluster: 'shop', into, gates: ['promote'] });
      await waitsAt(handle, 'promote');
      await handle.terminate();
      expect((await sweep()).removed).toHaveLength(1);
      expect(existsSync(into)).toBe(false);
      expect(processesUnder(into)).toEqual([]);
    });
  });

  test('of a recovery that was opened is never thrown away: the catalog says what a person should do', async () => {
    const into = join(shop.scratch, 'opened');
    const catalogUrl = await book.catalogUrl();
    const handOver = (): Promise<never> => Promise.reject(new Error('not now'));
    await withWorker(temporal, loaded, { catalogUrl, wrap: () => ({ handOver }) }, async () => {
      const handle = await start(temporal, loaded, 'recover', { cluster: 'shop', into, gates: [] });
      await eventually('the opened server', async () => {
        const { steps } = await handle.query<WorkflowProgress>('progress');
        return steps.at(-1)?.step === 'hand-over' ? true : undefined;
      });
      await handle.terminate();
      for (let times = 0; times < 2; times += 1) {
        const report = await sweep();
        expect(report).toMatchObject({ removed: [], refused: [{ cluster: 'shop', workflowId: handle.workflowId }] });
      }
      expect((await instanceStatus(into))?.ready).toBe(true);
      expect(await alarms(catalogUrl)).toEqual([
        [
          'warning',
          'leftover_for_a_person',
          expect.stringMatching(/its data is never thrown away.*To do: .*pg_ctl status/),
        ],
      ]);

      // As it says: the person takes it over and removes our directory; then the janitor forgets it.
      const [name] = await readdir(shop.patient.sandboxDirectory);
      const sandbox = sandboxLayout(name!, shop.patient.sandboxDirectory, into);
      process.kill((await instanceStatus(into))!.pid, 'SIGQUIT');
      await eventually('the end of the server', async () => (await instanceStatus(into)) === undefined || undefined);
      await removeByHand(sandbox.directory);
      expect(await sweep()).toMatchObject({ removed: [{ workflowId: handle.workflowId }], kept: [], refused: [] });
      expect([existsSync(into), existsSync(sandbox.socketDirectory)]).toEqual([true, false]);
      await removeByHand(into);
    });
  });

  test('of a backup whose worker was killed too: its tool, its directory and its locks go, and the slot at the source', async () => {
    const worker = await startAWorker();
    const release = await stopCheckpointer();
    try {
      const handle = await start(temporal, loaded, 'backup', { cluster: 'shop' });
      const tool = await eventually('pg_basebackup', () =>
        processesUnder(join(shop.patient.repository, 'backups')).find(({ command }) =>
          command.includes('pg_basebackup'),
        ),
      );
      await eventually('its lock', async () =>
        (await readdir(join(shop.patient.repository, 'backups'))).some((name) => name.endsWith('.lock'))
          ? true
          : undefined,
      );
      await worker.kill('SIGKILL');
      await handle.terminate();
      expect(startTimeOf(tool.pid)).toBeDefined();
      const report = await janitorCommand('--grace', '0s');
      expect(report.removed.map(({ what }) => what.split(' ')[0]).sort()).toEqual([
        'lock',
        'pg_basebackup',
        'unfinished',
      ]);
      expect(startTimeOf(tool.pid)).toBeUndefined();
    } finally {
      await release();
    }
    expect(await leftovers(shop)).toEqual([]);
    await nothingAtTheSource();
  });

  test('of an LSN capture whose worker was killed: its sessions and snapshots at the source end by themselves', async () => {
    const worker = await startAWorker();
    const blocker = await shop.source.connect();
    try {
      await blocker.query('begin; lock table orders in access exclusive mode');
      const handle = await start(temporal, loaded, 'drill', { cluster: 'shop' });
      await eventually('the reading of the source to wait for the lock', async () => {
        const [row] = await shop.sql<{ waiting: boolean }>(
          `select count(*) > 0 as waiting from pg_stat_activity where usename = 'pgdrill' and wait_event_type = 'Lock'`,
        );
        return row?.waiting === true ? true : undefined;
      });
      await worker.kill('SIGKILL');
      await handle.terminate();
      await nothingAtTheSource(); // while the lock is still held
    } finally {
      await blocker.end();
    }
    await janitorCommand('--grace', '0s');
  });
});

test('what cannot be removed makes the janitor red and an alarm with instructions', { timeout: 120_000 }, async () => {
  const catalogUrl = await book.catalogUrl();
  await withWorker(temporal, loaded, { catalogUrl }, async () => {
    const handle = await start(temporal, loaded, 'drill', { cluster: 'shop', gates: ['promote'] });
    await waitsAt(handle, 'promote');
    const [name] = await readdir(shop.patient.sandboxDirectory);
    const { directory } = sandboxLayout(name!, shop.patient.sandboxDirectory);
    await handle.terminate();
    await writeFile(join(directory, 'combine.lock'), 'not a lock'); // whose process, nobody can tell
    const failure: unknown = await sweep().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WorkflowFailedError);
    expect((failure as WorkflowFailedError).cause).toMatchObject({
      type: 'LeftoverError',
      message: expect.stringMatching(
        /sandbox .* should be gone and is not: .*\n {2}To do: .*pgdrill janitor/,
      ) as string,
    });
    expect(await alarms(catalogUrl)).toEqual([
      ['critical', 'leftover_not_removed', expect.stringContaining(directory)],
    ]);
    const command = await pgdrill(['janitor', '--yes', '--grace', '0s'], { env: env() });
    expect(command.exitCode).toBe(1);
    expect(command.stdout).toMatch(/still there.*\n[\s\S]*To do: /);

    await removeByHand(join(directory, 'combine.lock'));
    expect((await sweep()).removed).toHaveLength(1);
  });
});

test('is scheduled once, however many workers start, and runs when one does', { timeout: 120_000 }, async () => {
  const queue = loaded.configuration.temporal.task_queue;
  await Promise.all([startAWorker(), startAWorker(), scheduleJanitor(temporal.client, queue)]);
  const schedule = temporal.client.schedule.getHandle(`pgdrill-janitor-${queue}`);
  const description = await eventually('the janitor to have run', async () => {
    const now = await schedule.describe();
    return now.info.recentActions.length > 0 && now.info.runningActions.length === 0 ? now : undefined;
  });
  expect(description.policies).toMatchObject({ overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: 60_000 });
  const { action } = description.info.recentActions[0]!;
  const run = temporal.client.workflow.getHandle(action.workflow.workflowId);
  expect(await run.result()).toMatchObject({ dryRun: false, failed: [] });
  await schedule.delete();
});

const env = (): Record<string, string> => ({ ...temporal.env, PGDRILL_CONFIG: loaded.path });

/** Runs the workflow, by default without any grace. */
async function sweep(input: object = { graceMs: 0 }): Promise<SweepReport> {
  return withoutHolds((await (await start(temporal, loaded, 'janitor', input)).result()) as SweepReport);
}

/** A run that restores holds its backups as well: what becomes of that is looked at by itself, by `holds`. */
function withoutHolds(report: SweepReport): SweepReport {
  const isHold = ({ what }: { what: string }): boolean => what.startsWith('hold ');
  return {
    ...report,
    removed: report.removed.filter((each) => !isHold(each)),
    kept: report.kept.filter((each) => !isHold(each)),
  };
}

async function holds(): Promise<string[]> {
  return (await readdir(join(shop.patient.repository, 'holds'))).filter((name) => name.endsWith('.json'));
}

async function janitorCommand(...args: string[]): Promise<SweepReport> {
  const command = await pgdrill(['janitor', '--yes', '--json', ...args], { env: env() });
  expect(command).toMatchObject({ exitCode: 0 });
  return withoutHolds(JSON.parse(command.stdout) as SweepReport);
}

/** What is registered beside the records of workers that have been killed, which a sweep drops. */
async function registered(): Promise<string[]> {
  const { entries } = await new Registry(loaded.stateDirectory).list();
  return entries.filter(({ entry }) => entry.kind !== 'step' || isRunning(entry.process)).map(({ id }) => id);
}

async function startAWorker(): Promise<Program> {
  const worker = await launchWorker(loaded.path, temporal.env);
  workers.push(worker);
  return worker;
}

async function waitsAt(handle: WorkflowHandle, gate: string): Promise<void> {
  await eventually(`${handle.workflowId} to wait at ${gate}`, async () => {
    const { waiting } = await handle.query<WorkflowProgress>('progress');
    return waiting?.gate === gate ? true : undefined;
  });
}

/** Whatever pgdrill had at the source is gone, within a minute. */
async function nothingAtTheSource(): Promise<void> {
  await eventually('the source to be as before', async () => {
    const [row] = await shop.sql<{ sessions: number; slots: number }>(
      `select (select count(*)::int from pg_stat_activity where usename = 'pgdrill') as sessions,
              (select count(*)::int from pg_replication_slots) as slots`,
    );
    return row?.sessions === 0 && row.slots === 0 ? true : undefined;
  });
}

async function stopCheckpointer(): Promise<() => Promise<void>> {
  const [row] = await shop.sql<{ pid: number }>(`select pid from pg_stat_activity where backend_type = 'checkpointer'`);
  process.kill(row!.pid, 'SIGSTOP');
  return () => {
    process.kill(row!.pid, 'SIGCONT');
    return Promise.resolve();
  };
}

async function alarms(catalogUrl: string): Promise<unknown[]> {
  const found: unknown[] = [];
  await withCatalog(catalogUrl, async (client) => {
    const { rows } = await client.query<{ severity: string; kind: string; message: string }>(
      `select severity, kind, message from pgdrill.monitoring_events where kind like 'leftover%'`,
    );
    found.push(...rows.map(({ severity, kind, message }) => [severity, kind, message]));
  });
  return found;
}

async function removeByHand(path: string): Promise<void> {
  await rm(path, { recursive: true });
}
