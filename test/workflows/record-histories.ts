import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import {
  ApplicationFailure,
  type WorkflowHandle,
  type WorkflowHandleWithFirstExecutionRunId,
} from '@temporalio/client';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Activities } from '../../activities/index.js';
import { hasSearchAttributes, registerSearchAttributes } from '../../src/client/search-attributes.js';
import { withConnection } from '../../src/postgres/connection.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import { openRepository } from '../../src/repository/repository.js';
import { withWriterLock } from '../../src/repository/writer-lock.js';
import { sandboxConninfo } from '../../src/restore/sandbox.js';
import { ensureTemporal } from '../../src/toolchain/temporal.js';
import { configure } from '../support/pgdrill-config.js';
import { eventually } from '../support/programs.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { start, startTestTemporal, type TestTemporal, withWorker } from '../support/temporal.js';

const folder = join(import.meta.dirname, '..', 'histories');

// Not a test: run by scripts/record-histories.mjs, it writes what replay.test.ts replays.

let temporal: TestTemporal;
let shop: ProtectedCluster;

beforeAll(async () => {
  temporal = await startTestTemporal();
  await registerSearchAttributes(temporal.connection, 'default');
  shop = await protectCluster();
  await shop.sql('create table orders (id int); insert into orders select generate_series(1, 100)');
  await shop.backup('full');
});

afterAll(async () => {
  await shop.remove();
  await temporal.stop();
});

const cluster = 'shop';
const told = 'notifications: { ops: { command: [/bin/true] } }';
const into = (name: string): string => join(shop.scratch, name);
/** The shop's server archives into the repository's own directory already: two writers in one archive are refused. */
const streamTo = (name: string): string => `wal: { mode: stream, directory: ${into(`stream-${name}`)} }`;

/** One run a workflow and outcome, by the name of its file. */
const runs: Record<string, () => Promise<WorkflowHandle>> = {
  backup: () => run('backup', { cluster }),
  'backup-failed': () => run('backup', { cluster }, undefined, failing('takeBaseBackup', 'DiskFullError')),
  // Another run writes into the repository when it begins.
  'backup-waited': async () => {
    const { path } = await openRepository(shop.patient);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const lock = withWriterLock(path, 'a long full backup', () => held);
    return await run('backup', { cluster }, async (handle) => {
      await waitsForOther(handle);
      release();
      await lock;
    });
  },
  'backup-differential': () => run('backup', { cluster, type: 'differential' }),
  consolidate: async () => {
    await run('backup', { cluster, type: 'incremental' });
    return await run('consolidate', { cluster });
  },
  'drill-passed': () => run('drill', { cluster, backup: 'full+incremental', gates: ['promote'] }, approve),
  'drill-scenario': () => run('drill', { cluster, scenario: 'longest-chain' }),
  'drill-source-lost': () => run('drill', { cluster, scenario: 'source-lost' }),
  'drill-on-the-way': () => afterFence(() => run('drill', { cluster, scenario: 'source-lost' })),
  'drill-begun-anew': () =>
    afterFence(() => run('drill', { cluster, scenario: 'source-lost' }, undefined, notPausedAtFirst)),
  'drill-failed': () => run('drill', { cluster }, undefined, changeARow),
  'drill-approved-by-two': () =>
    run(
      'drill',
      { cluster, gates: ['restore'] },
      approveByTwo,
      undefined,
      'approvals: { restore: { count: 2, seen: true, remind: [300ms] } }',
    ),
  'drill-retargeted': () => run('drill', { cluster, target: 'immediate', gates: ['promote'] }, goOn),
  'drill-rejected': () => run('drill', { cluster, gates: ['restore'] }, reject),
  'drill-cancelled': () => run('drill', { cluster, gates: ['promote'] }, cancelAtGate),
  'drill-left-over': () => run('drill', { cluster }, undefined, failing('cleanUp', 'SandboxError')),
  recover: () => run('recover', { cluster, into: into('recovered'), gates: [] }),
  extract: () => run('extract', { cluster, database: 'postgres', into: into('extracted.dump') }),
  'extract-given-up': () =>
    run(
      'extract',
      { cluster, database: 'postgres', tables: [{ schema: 'public', table: 'nothing' }], into: into('nothing.dump') },
      answerFix('reject'),
    ),
  'recover-cutover': () => run('recover', { cluster, into: into('cut-over'), gates: ['cutover'] }, approveCutover),
  'recover-rejected': () => run('recover', { cluster, into: into('rejected'), gates: ['restore'] }, reject),
  'recover-fixed': () =>
    run(
      'recover',
      { cluster, into: into('fixed'), gates: [] },
      answerFix('approve'),
      failing('replayWal', 'RepositoryError', 1),
    ),
  'recover-given-up': () =>
    run(
      'recover',
      { cluster, into: into('given-up'), gates: [] },
      answerFix('reject'),
      failing('replayWal', 'RepositoryError'),
    ),
  'sabotage-drill': () => run('sabotageDrill', { cluster, kind: 'row-changed' }),
  'verify-repository': () => run('verifyRepository', { cluster }),
  'apply-retention': () => run('applyRetention', { cluster }, undefined, undefined, 'retention: {}'),
  // The cluster has no retention.
  'apply-retention-failed': () => run('applyRetention', { cluster }),
  janitor: () => run('janitor', {}),
  'janitor-told': () => run('janitor', {}, undefined, undefined, 'objectives: { proven_within: 1ms }', told),
  'drill-told': () =>
    run('drill', { cluster, gates: ['promote'] }, approve, undefined, 'objectives: { rto: 1ms }', told),
  'stream-gap': () =>
    run('streamWal', { cluster }, undefined, failing('receiveWal', 'RepositoryError'), streamTo('gap')),
  // The run that began anew after half a day.
  'stream-continued': () => run('streamWal', { cluster }, stopReceiving, receivingNothingFirst, streamTo('continued')),
  // What the activity that watches it would signal, twice.
  'stream-told': () => run('streamWal', { cluster }, findTroubleAndStop, undefined, streamTo('told'), told),
  'stream-stopped': () => run('streamWal', { cluster }, stopReceiving, undefined, streamTo('stopped')),
};

test('record', async () => {
  const recorded: string[] = await readdir(folder).catch(() => []);
  for (const [name, make] of Object.entries(runs)) {
    if (recorded.includes(`${name}.json`)) continue;
    await keep(name, await make());
  }
});

/** Runs a workflow to its end, whatever that is. */
async function run(
  kind: Parameters<typeof start>[2],
  input: object,
  answer?: (handle: WorkflowHandle) => Promise<void>,
  wrap?: (real: Activities) => Partial<Activities>,
  settings?: string,
  top?: string,
): Promise<WorkflowHandle> {
  const loaded = await configure(shop, {
    ...(settings === undefined ? {} : { cluster: settings }),
    ...(top === undefined ? {} : { top }),
  });
  const searchable = (): Promise<boolean> => hasSearchAttributes(temporal.connection, 'default');
  return await withWorker(temporal, loaded, { searchable, ...(wrap === undefined ? {} : { wrap }) }, async () => {
    const handle = await start(temporal, loaded, kind, input);
    await answer?.(handle);
    await handle.result().catch(() => undefined);
    return handle;
  });
}

/** A drill of now records a fence, which the next one can come by. */
async function afterFence(drill: () => Promise<WorkflowHandle>): Promise<WorkflowHandle> {
  await run('drill', { cluster });
  return await drill();
}

/** A server that takes writes at the fence, where it should have paused. */
function notPausedAtFirst(real: Activities): Partial<Activities> {
  let replays = 0;
  return {
    replayWal: async (input) => ({ ...(await real.replayWal(input)), ...(replays++ === 0 && { paused: false }) }),
  };
}

async function approve(handle: WorkflowHandle): Promise<void> {
  await handle.signal('approve', { gate: 'promote', by: 'ada', reason: 'looks right' });
}

async function approveCutover(handle: WorkflowHandle): Promise<void> {
  await waitsAt(handle, 'cutover');
  await handle.executeUpdate('approve', { args: [{ gate: 'cutover', by: 'ada', reason: 'the orders are there' }] });
}

/** By updates, one of them before and one after people were reminded, and with more time in between. */
async function approveByTwo(handle: WorkflowHandle): Promise<void> {
  await waitsAt(handle, 'restore');
  const { waiting } = await handle.query<WorkflowProgress>('progress');
  const answer = { gate: 'restore', seen: waiting?.seen };
  await handle.executeUpdate('approve', { args: [{ ...answer, by: 'ada' }] });
  await handle.executeUpdate('extend', { args: [{ gate: 'restore', by: 'ada', for: '1h' }] });
  await eventually('the reminder', async () => {
    const { events } = await handle.fetchHistory();
    const names = events?.map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
    return names?.includes('recordWait') === true ? true : undefined;
  });
  await handle.executeUpdate('approve', { args: [{ ...answer, by: 'grace' }] });
}

/** Takes the paused server on to the end of the WAL. */
async function goOn(handle: WorkflowHandle): Promise<void> {
  await waitsAt(handle, 'promote');
  await handle.executeUpdate('retarget', { args: [{ target: 'latest', by: 'ada', reason: 'further' }] });
  await waitsAt(handle, 'promote');
  await approve(handle);
}

async function reject(handle: WorkflowHandle): Promise<void> {
  await handle.signal('reject', { gate: 'restore', by: 'ada', reason: 'not tonight' });
}

/** Stops a stream as `pgdrill stream stop` does, once it receives. */
async function stopReceiving(handle: WorkflowHandle): Promise<void> {
  await receives(handle);
  await handle.signal('stop', { dropSlot: true, by: 'ada' });
}

async function findTroubleAndStop(handle: WorkflowHandle): Promise<void> {
  await receives(handle);
  const found = { subject: 'compression', severity: 'warning', message: 'The disk is full.' };
  for (const kind of ['wal_compression_failed', 'wal_compression_failed', 'wal_stream_recovered'])
    await handle.signal('found', { ...found, kind });
  await handle.signal('stop', { dropSlot: true, by: 'ada' });
}

async function receives(handle: WorkflowHandle): Promise<void> {
  await eventually('the stream to receive', async () => {
    const { raw } = await handle.describe();
    const receiving = raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'receiveWal');
    const beat = receiving?.heartbeatDetails?.payloads?.[0]?.data ?? '';
    return Buffer.from(beat).toString('utf8').includes('receiving WAL') ? true : undefined;
  });
}

async function waitsForOther(handle: WorkflowHandle): Promise<void> {
  await eventually('the backup to wait', async () => {
    const { steps } = await handle.query<WorkflowProgress>('progress');
    return steps.some(({ summary }) => summary?.startsWith('waits: ') === true) ? true : undefined;
  });
}

/** The first half a day is over at once. */
function receivingNothingFirst(real: Activities): Partial<Activities> {
  let stretches = 0;
  return {
    receiveWal: (input) =>
      stretches++ === 0 ? Promise.resolve({ starts: 1, receivedLsn: '0/3000000' }) : real.receiveWal(input),
  };
}

/** Cancels the run where it waits, when it has restored. */
async function cancelAtGate(handle: WorkflowHandle): Promise<void> {
  await waitsAt(handle, 'promote');
  await handle.cancel();
}

function answerFix(decision: 'approve' | 'reject'): (handle: WorkflowHandle) => Promise<void> {
  return async (handle) => {
    await waitsAt(handle, 'fix');
    await handle.signal(decision, { gate: 'fix', by: 'ada', reason: 'looked at it' });
  };
}

async function waitsAt(handle: WorkflowHandle, gate: string): Promise<void> {
  await eventually(`gate ${gate}`, async () => {
    const { waiting } = await handle.query<WorkflowProgress>('progress');
    return waiting?.gate === gate ? true : undefined;
  });
}

/** A step that fails as only a person can mend it, so many times. */
function failing(
  step: 'takeBaseBackup' | 'replayWal' | 'cleanUp' | 'receiveWal',
  type: string,
  times = Infinity,
): (real: Activities) => Partial<Activities> {
  let failures = 0;
  return (real) => ({
    [step]: async (input: never) => {
      if (failures++ < times) throw ApplicationFailure.nonRetryable(`${step} failed for the record.`, type);
      return await real[step](input);
    },
  });
}

function changeARow(real: Activities): Partial<Activities> {
  return {
    openSandbox: async (input) => {
      const opened = await real.openSandbox(input);
      await withConnection(sandboxConninfo(input.sandbox), (client) =>
        client.query('update orders set id = -1 where id = 7'),
      );
      return opened;
    },
  };
}

/** Writes a history as the Temporal CLI prints it, without anything of this machine. */
async function keep(name: string, handle: WorkflowHandle): Promise<void> {
  const executable = await ensureTemporal({ progress: () => undefined });
  const { stdout } = await execa(executable, [
    ...['workflow', 'show', '--workflow-id', handle.workflowId, '--output', 'json'],
    ...['--address', temporal.address, '--namespace', 'default'],
    // Of a workflow that began anew, the run that was started here.
    ...['--run-id', (handle as WorkflowHandleWithFirstExecutionRunId).firstExecutionRunId],
  ]);
  const history = neutral(JSON.parse(stdout));
  const text = `${JSON.stringify(history, null, 1)}\n`;
  for (const secret of [shop.scratch, hostname(), process.cwd()]) expect(text).not.toContain(secret);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), text);
}

/** Paths, host and process become neutral, in payloads (base64 of JSON) as well. */
function neutral(value: unknown, key = ''): unknown {
  if (typeof value === 'string') {
    if (key === 'identity') return 'worker';
    if (key === 'data') return toBase64(neutralText(fromBase64(value)));
    return neutralText(value);
  }
  if (Array.isArray(value)) return value.map((each) => neutral(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, neutral(each, name)]));
}

function neutralText(text: string): string {
  return text
    .replaceAll(shop.scratch, '/tmp/pgdrill-history')
    .replaceAll(hostname(), 'host')
    .replaceAll(process.cwd(), '/pgdrill');
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

function toBase64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
