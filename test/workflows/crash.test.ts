import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type WorkflowHandle, WorkflowFailedError } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { isRunning, type ProcessIdentity, startTimeOf } from '../../src/process/process-identity.js';
import { type DrillResult, evidenceSchema } from '../../src/schema/evidence.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import { leftovers, processesUnder, type RunningProcess } from '../support/leftovers.js';
import { configure } from '../support/pgdrill-config.js';
import { eventually, launchWorker, type Program } from '../support/programs.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { start, startTestTemporal, type TestTemporal } from '../support/temporal.js';

/** PENDING_ACTIVITY_STATE_STARTED of Temporal's API. */
const started = 2;

let temporal: TestTemporal;
let shop: ProtectedCluster;
let loaded: LoadedConfiguration;
/** The same cluster, but replay stops at every commit for longer than any test takes, until `endDelay`. */
let delayed: LoadedConfiguration;
/** Every worker process that a test started, to be ended whatever happens. */
let workers: Program[] = [];

beforeAll(async () => {
  temporal = await startTestTemporal();
  shop = await protectCluster();
  await shop.sql('create table orders (id int); insert into orders select generate_series(1, 5000)');
  loaded = await configure(shop);
  // Counted from the commit on the source: with a short delay a slow machine would reach the replay when it is over.
  delayed = await configure(shop, {
    cluster: `sandbox:
  directory: ${shop.patient.sandboxDirectory}
  settings: { shared_buffers: 16MB, recovery_min_apply_delay: 1d }`,
  });
  await shop.backup('full');
});

afterAll(async () => {
  await shop.remove();
  await temporal.stop();
});

afterEach(async () => {
  for (const worker of workers) await worker.kill('SIGKILL');
  workers = [];
  expect(await leftovers(shop)).toEqual([]);
});

describe('a worker that is killed', { timeout: 180_000 }, () => {
  test('in the base backup: the next one ends the orphan and the drill passes', async () => {
    const first = await startAWorker();
    const { handle, orphan } = await inTheBaseBackup();
    await first.kill('SIGKILL');
    expect(isRunning(orphan)).toBe(true);
    process.kill(orphan.pid, 'SIGSTOP'); // so that it cannot end by itself
    await releaseCheckpointer();

    await startAWorker();
    const result = (await handle.result()) as DrillResult;
    expect(result.verdict).toBe('passed');
    expect(isRunning(orphan)).toBe(false);
    expect(await attemptsOf(handle, 'takeBaseBackup')).toBe(2);
    expect(
      (await readdir(join(shop.patient.repository, 'backups'))).filter((name) => name.includes('partial')),
    ).toEqual([]);
    expect(await leftovers(shop, [result.id])).toEqual([]);
  });

  test('in the replay: the next one goes on with the same server, and the clock counts the lost time', async () => {
    const first = await startAWorker(delayed);
    const { handle, postmaster } = await inTheReplay();
    await first.kill('SIGKILL');
    const killedAt = Date.now();

    const [sandboxes, servers] = [new Set<string>(), new Set<number>()];
    let replayed: number[];
    const watch = setInterval(() => {
      for (const pid of postmasters()) servers.add(pid);
      for (const name of readdirSync(shop.patient.sandboxDirectory)) sandboxes.add(name);
    }, 100);
    let result: DrillResult;
    try {
      await startAWorker(delayed);
      await eventually('the second attempt', async () => {
        const { pendingActivities } = (await handle.describe()).raw;
        return pendingActivities?.some(({ attempt, state }) => attempt === 2 && Number(state) === started)
          ? true
          : undefined;
      });
      await endDelay(postmaster.pid);
      // The validation restarts the server, on purpose.
      await eventually('the validation', async () => {
        const { steps } = await handle.query<WorkflowProgress>('progress');
        return steps.some(({ step }) => step === 'validation') ? true : undefined;
      });
      replayed = [...servers];
      result = (await handle.result()) as DrillResult;
    } finally {
      clearInterval(watch);
    }
    expect(result.verdict).toBe('passed');
    expect([...sandboxes]).toEqual([result.id]);
    expect(replayed).toEqual([postmaster.pid]);
    expect(await attemptsOf(handle, 'replayWal')).toBe(2);
    const { clock } = evidenceSchema.parse(JSON.parse(await readFile(result.evidencePath!, 'utf8')));
    const secondAttemptAt = await startOfLastAttempt(handle, 'replayWal');
    expect(clock.rtoSeconds).toBeGreaterThanOrEqual((secondAttemptAt - killedAt) / 1_000);
    expect(clock.phases.find(({ name }) => name === 'replay')!.seconds).toBeGreaterThanOrEqual(
      (secondAttemptAt - killedAt) / 1_000,
    );
    expect(await leftovers(shop, [result.id])).toEqual([]);
  });
});

test('a worker that is told to stop leaves its step to the next one at once', { timeout: 120_000 }, async () => {
  const first = await startAWorker();
  const { handle, orphan } = await inTheBaseBackup();
  expect(await first.kill('SIGTERM')).toBe(0);
  expect(isRunning(orphan)).toBe(false);
  await releaseCheckpointer();
  await startAWorker();
  expect(((await handle.result()) as DrillResult).verdict).toBe('passed');
  expect(await attemptsOf(handle, 'takeBaseBackup')).toBe(2);
});

describe('a drill that is cancelled', { timeout: 120_000 }, () => {
  test('in the base backup leaves nothing but evidence that it proved nothing', async () => {
    await startAWorker();
    const { handle, orphan } = await inTheBaseBackup();
    await handle.cancel();
    await expectCancelled(handle);
    expect(isRunning(orphan)).toBe(false);
    await releaseCheckpointer();
    expect(await evidenceOf(handle)).toMatchObject({
      verdict: 'unproven',
      reasons: ['base backup: The drill was cancelled.'],
    });
  });

  test('in the replay ends its server and removes its sandbox', async () => {
    await startAWorker(delayed);
    const { handle, postmaster } = await inTheReplay();
    await handle.cancel();
    await expectCancelled(handle);
    expect(isRunning(postmaster)).toBe(false);
    const evidence = await evidenceOf(handle);
    expect(evidence).toMatchObject({ verdict: 'unproven', reasons: ['replayWal: The drill was cancelled.'] });
    expect(evidence.clock.rtoSeconds).toBeUndefined();
    expect(await leftovers(shop, [evidence.id])).toEqual([]);
  });

  test('while its worker is dead is cleaned up by the next one', async () => {
    const first = await startAWorker(delayed);
    const { handle, postmaster } = await inTheReplay();
    await first.kill('SIGKILL');
    await handle.cancel();
    await startAWorker(delayed);
    await expectCancelled(handle);
    expect(isRunning(postmaster)).toBe(false);
    expect(await evidenceOf(handle)).toMatchObject({ verdict: 'unproven' });
  });
});

async function startAWorker({ path }: LoadedConfiguration = loaded): Promise<Program> {
  const worker = await launchWorker(path, temporal.env);
  workers.push(worker);
  return worker;
}

function watched(pid: number): ProcessIdentity {
  return { pid, startTime: startTimeOf(pid) ?? 'gone' };
}

/** Starts a drill and returns in the middle of its base backup, which waits for a checkpoint that does not come. */
async function inTheBaseBackup(): Promise<{ handle: WorkflowHandle; orphan: ProcessIdentity }> {
  await signalCheckpointer('SIGSTOP');
  try {
    const handle = await start(temporal, loaded, 'drill', { cluster: 'shop', backup: 'full' });
    const orphan = await eventually('pg_basebackup', () =>
      processesUnder(join(shop.patient.repository, 'backups')).find(({ command }) => command.includes('pg_basebackup')),
    );
    // It is surely connected and its lock written once the server waits for the checkpoint.
    await eventually('the lock', async () => {
      const names = await readdir(join(shop.patient.repository, 'backups'));
      return names.some((name) => name.endsWith('.lock')) ? true : undefined;
    });
    return { handle, orphan: watched(orphan.pid) };
  } catch (error) {
    await releaseCheckpointer();
    throw error;
  }
}

/** Starts a drill and returns in the middle of its replay, which waits at a commit until `endDelay`. */
async function inTheReplay(): Promise<{ handle: WorkflowHandle; postmaster: ProcessIdentity }> {
  await shop.sql('insert into orders values (0)'); // a commit to wait for
  const handle = await start(temporal, delayed, 'drill', { cluster: 'shop' });
  await eventually('the startup process', () =>
    sandboxProcesses().find(({ command }) => command.startsWith('postgres: startup')),
  );
  return { handle, postmaster: watched(postmasters()[0]!) };
}

function sandboxProcesses(): RunningProcess[] {
  return processesUnder(shop.patient.sandboxDirectory).filter(({ command }) => command.includes('postgres'));
}

/** The pids in the lock files of the sandboxes' servers. */
function postmasters(): number[] {
  return readdirSync(shop.patient.sandboxDirectory).flatMap((name) => {
    const lock = join(shop.patient.sandboxDirectory, name, 'data', 'postmaster.pid');
    return existsSync(lock) ? [Number.parseInt(readFileSync(lock, 'utf8'), 10)] : [];
  });
}

/** Lets the replay of a sandbox's server go on: a changed delay counts at once, also where it is being waited for. */
async function endDelay(postmaster: number): Promise<void> {
  for (const name of readdirSync(shop.patient.sandboxDirectory)) {
    const settings = join(shop.patient.sandboxDirectory, name, 'config', 'postgresql.conf');
    await appendFile(settings, `recovery_min_apply_delay = 0\n`);
  }
  process.kill(postmaster, 'SIGHUP');
}

async function signalCheckpointer(signal: NodeJS.Signals): Promise<void> {
  const [row] = await shop.sql<{ pid: number }>(`select pid from pg_stat_activity where backend_type = 'checkpointer'`);
  process.kill(row!.pid, signal);
}

async function releaseCheckpointer(): Promise<void> {
  await signalCheckpointer('SIGCONT');
}

async function expectCancelled(handle: WorkflowHandle): Promise<void> {
  await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
  expect((await handle.describe()).status.name).toBe('CANCELLED');
}

/** The evidence of a drill whose result nobody got. */
async function evidenceOf({ workflowId }: WorkflowHandle): Promise<ReturnType<typeof evidenceSchema.parse>> {
  const folder = join(shop.patient.repository, 'evidence');
  const name = (await readdir(folder)).find((each) => each.startsWith(`${workflowId}-`))!;
  return evidenceSchema.parse(JSON.parse(await readFile(join(folder, name, 'evidence.json'), 'utf8')));
}

/** The last start of an activity as Temporal's history has it: which attempt, and when (in ms since 1970). */
async function lastStart(handle: WorkflowHandle, activity: string): Promise<{ attempt: number; at: number }> {
  const { events } = await handle.fetchHistory();
  const scheduled = events!.find(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === activity,
  )!;
  const started = events!.find(
    (event) => String(event.activityTaskStartedEventAttributes?.scheduledEventId) === String(scheduled.eventId),
  )!;
  const { seconds, nanos } = started.eventTime!;
  return {
    attempt: started.activityTaskStartedEventAttributes!.attempt!,
    at: Number(seconds) * 1_000 + (nanos ?? 0) / 1e6,
  };
}

async function attemptsOf(handle: WorkflowHandle, activity: string): Promise<number> {
  return (await lastStart(handle, activity)).attempt;
}

async function startOfLastAttempt(handle: WorkflowHandle, activity: string): Promise<number> {
  return (await lastStart(handle, activity)).at;
}
