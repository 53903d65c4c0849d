import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { examine } from '../../src/doctor/doctor.js';
import { withConnection } from '../../src/postgres/connection.js';
import { compareLsn } from '../../src/postgres/lsn.js';
import { readSlot, type ReplicationSlot } from '../../src/postgres/replication-slot.js';
import { readTimelineHistory, spansBetween, type TimelineSpan } from '../../src/postgres/timeline.js';
import { readWal } from '../../src/postgres/wal-content.js';
import { runTool } from '../../src/process/run-tool.js';
import { measureWorstOfStream } from '../../src/proof/fence/worst-rpo-of-stream.js';
import { standaloneContext } from '../../src/process/step-context.js';
import { calmSeconds, readStreamRecord, type StreamStep } from '../../src/repository/stream-record.js';
import { continuityFrom, listWalArchive } from '../../src/repository/wal-archive.js';
import { listWalFiles } from '../../src/repository/wal-files.js';
import type { RestorePlan } from '../../src/restore/plan.js';
import { replayWal } from '../../src/restore/replay.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { DrillResult } from '../../src/schema/evidence.js';
import type { Rpo } from '../../src/schema/results.js';
import { compressFinished } from '../../src/stream/compress.js';
import { prepareStream } from '../../src/stream/prepare.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import { column, moveOn, planTo, prepare, restoreTo, sandboxFor } from '../restore/restore-support.js';
import { processesUnder } from '../support/leftovers.js';
import { startPgbench } from '../support/pgbench.js';
import { configure } from '../support/pgdrill-config.js';
import { type CommandResult, eventually, launchWorker, pgdrill, type Program } from '../support/programs.js';
import { promoteInPlace } from '../support/promote.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { startTestTemporal, type TestTemporal } from '../support/temporal.js';

// One stream for all: the tests tell its story in order.
const slotName = 'pgdrill_shop';
const wal = { mode: 'stream', slot: slotName, synchronous: false, compression: 'none' } as const;
const segmentSizeBytes = 1024 * 1024;
const { signal } = new AbortController();

let temporal: TestTemporal;
let shop: ProtectedCluster;
let loaded: LoadedConfiguration;
let worker: Program;
let full: BackupRecord;

const cli = (...args: string[]): Promise<CommandResult> =>
  pgdrill(args, { env: { ...temporal.env, PGDRILL_CONFIG: loaded.path } });
const slot = (): Promise<ReplicationSlot | undefined> =>
  withConnection(shop.admin, (client) => readSlot(client, slotName));
const receivers = (): number[] =>
  processesUnder(shop.scratch).flatMap(({ pid, command }) => (command.includes('/pg_receivewal ') ? [pid] : []));
const lsnNow = async (): Promise<string> =>
  (await shop.sql<{ lsn: string }>('select pg_current_wal_flush_lsn()::text as lsn'))[0]!.lsn;

/** Waits until the stream has all that is committed by now. */
async function received(): Promise<string> {
  const lsn = await lsnNow();
  return await eventually(`WAL up to ${lsn}`, async () => {
    const writtenLsn = (await slot().catch(() => undefined))?.writtenLsn;
    return typeof writtenLsn === 'string' && compareLsn(writtenLsn, lsn) >= 0 ? lsn : undefined;
  });
}

/** The first step of the stream's record that has all up to a place. */
async function recorded(lsn: string): Promise<StreamStep | undefined> {
  return (await readStreamRecord(shop.repository)).find((step) => compareLsn(step.lsn, lsn) >= 0);
}

/** Asserts that the archive has no gap from the backup on, and that each record in it is valid. @returns how many. */
async function readWithoutGap(timeline: number, to: string): Promise<number> {
  const { walDirectory } = shop.patient;
  const history: TimelineSpan[] = (await readTimelineHistory(walDirectory, timeline)) ?? [];
  const { endLsn, gap } = continuityFrom(await listWalArchive(walDirectory, segmentSizeBytes), history, full.endLsn);
  expect(gap).toBeUndefined();
  expect(compareLsn(endLsn ?? '0/0', to)).toBeGreaterThanOrEqual(0);
  let records = 0;
  for (const span of spansBetween(history, full.endLsn, to, segmentSizeBytes))
    records += (await readWal(shop.tools, { walDirectory, segmentSizeBytes, ...span })).records;
  return records;
}

const streamOf = (name: string): Parameters<typeof prepareStream>[1] => ({
  ...shop.patient,
  repository: shop.repository,
  wal: { ...wal, slot: name },
});

beforeAll(async () => {
  temporal = await startTestTemporal();
  shop = await protectCluster({
    wal,
    initdbArgs: ['--wal-segsize=1'],
    settings: { max_wal_size: '4MB', min_wal_size: '2MB' },
  });
  loaded = await configure(shop, { cluster: 'wal: { mode: stream }' });
  worker = await launchWorker(loaded.path, temporal.env);
  await runTool({
    file: toolPath(shop.tools, 'pgbench'),
    args: ['-i', '-q', '-h', shop.source.directory, '-U', 'postgres', 'postgres'],
    env: toolEnvironment(shop.tools),
  });
  await shop.sql('create table r (name text)');
});
afterAll(async () => {
  await worker.kill('SIGTERM');
  for (const pid of receivers()) process.kill(pid, 'SIGKILL');
  await shop.remove();
  await temporal.stop();
});

describe('a stream', () => {
  it('is missed by the doctor as long as there is none', async () => {
    const findings = await examine(shop.patient, standaloneContext('doctor'));
    const concerned = ['max_slot_wal_keep_size', 'wal stream', 'archiving'];
    expect(findings.filter(({ name }) => concerned.includes(name))).toMatchObject([
      { name: 'max_slot_wal_keep_size', level: 'warning' },
      { name: 'wal stream', level: 'error', fix: 'pgdrill stream start shop' },
      { name: 'archiving', level: 'warning' },
    ]);
  });

  it('refuses a slot that exists and is not its own, and leaves it alone', async () => {
    await shop.sql(`select pg_create_physical_replication_slot('taken')`);
    await expect(prepareStream(shop.tools, streamOf('taken'), false, standaloneContext('prepare'))).rejects.toThrow(
      /physical replication slot taken on the source already/,
    );
    expect(await shop.sql(`select slot_name::text from pg_replication_slots`)).toEqual([{ slot_name: 'taken' }]);
    await shop.sql(`select pg_drop_replication_slot('taken')`);
  });

  it('starts, and the archive check sees WAL arrive', async () => {
    const { exitCode, stdout, stderr } = await cli('stream', 'start', 'shop');
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/slot pgdrill_shop holds .* received up to/);
    full = await shop.backup('full');
    const findings = await examine(shop.patient, standaloneContext('doctor'));
    expect(findings.find(({ name }) => name === 'archiving')).toMatchObject({
      level: 'ok',
      message: expect.stringMatching(/by the stream/) as string,
    });
    expect((await cli('stream', 'start', 'shop')).exitCode).toBe(64); // it runs already
  });

  it('under load loses nothing when its tool, its worker and the source are killed', async () => {
    const load = await startPgbench(shop);
    try {
      const first = receivers();
      expect(first).toHaveLength(1);
      process.kill(first[0]!, 'SIGKILL');
      const second = await eventually('another pg_receivewal', () => receivers().find((pid) => !first.includes(pid)));

      await received();
      expect(await compressFinished(shop.patient.walDirectory, segmentSizeBytes, 'zstd', signal, 0)).toBeGreaterThan(0);

      await worker.kill('SIGKILL');
      expect(receivers()).toEqual([second]); // it goes on without its worker
      worker = await launchWorker(loaded.path, temporal.env);
      await eventually('a pg_receivewal of the new worker', () => {
        const now = receivers();
        return now.length === 1 && now[0] !== second ? true : undefined;
      });
      await received();
    } finally {
      await load.stop();
    }
    await shop.source.stop('immediate');
    await shop.source.start();
    await shop.sql(`insert into r values ('after the crash')`);
    const lsn = await shop.archive();
    expect(await readWithoutGap(1, lsn)).toBeGreaterThan(100);
    expect((await slot())?.walStatus).toBe('reserved');
  });

  it('has a drill pass that would have lost no transaction', async () => {
    await shop.sql(`insert into r values ('committed right before the failure')`);
    await received();
    const { exitCode, stdout } = await cli('--json', 'drill', 'shop');
    const { verdict, rpo } = JSON.parse(stdout) as DrillResult & { rpo: Rpo };
    expect([exitCode, verdict, rpo.transactions]).toEqual([0, 'passed', 0]);
    expect(rpo.worst).toMatchObject({ byStream: true, seconds: expect.any(Number) as number });
    expect(rpo.bytes).toBeLessThan(segmentSizeBytes);
  });

  it('keeps a record that shows the worst RPO, also of a receiver that stands while the source goes on', async () => {
    const clock = async (): Promise<number> =>
      Date.parse((await shop.sql<{ at: Date }>('select clock_timestamp() as at'))[0]!.at.toISOString());
    const lsn = await received();
    await eventually('the record to be up to date', async () => await recorded(lsn));
    const since = await clock();
    const [pid] = receivers();
    process.kill(pid!, 'SIGSTOP');
    const before = await clock();
    await shop.sql(`insert into r values ('late')`);
    const committed = await clock();
    let behind: string;
    do {
      await shop.sql(`insert into r values ('later')`);
      behind = await lsnNow();
    } while ((await clock()) < committed + (calmSeconds + 1) * 1_000);
    const resumed = await clock();
    process.kill(pid!, 'SIGCONT');
    const step = await eventually('the record of what came late', async () => await recorded(behind));
    const until = new Date(Math.max(await clock(), Date.parse(step.at))).toISOString();
    const { walDirectory } = shop.patient;
    const worst = await measureWorstOfStream(shop.tools, {
      ...{ repository: shop.repository, walDirectory, segmentSizeBytes, history: [{ timeline: 1 }], signal },
      ...{ since: new Date(since).toISOString(), until },
      moment: { failureAt: until, sourceLsn: step.lsn, repositoryLsn: step.lsn },
    });
    // The first commit lay between the two readings of the clock, and was saved between the two others.
    expect(worst.seconds).toBeGreaterThanOrEqual((resumed - committed) / 1_000);
    expect(worst.seconds).toBeLessThanOrEqual((Date.parse(until) - before) / 1_000);
    expect(Date.parse(worst.committedAt!)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(worst.committedAt!)).toBeLessThanOrEqual(committed);
  });

  it('lets a restore have what lies only in the segment that is being received', async () => {
    await shop.archive();
    await shop.sql(`insert into r values ('only in the partial segment')`);
    await received();
    const files = await listWalFiles(shop.patient.walDirectory, segmentSizeBytes);
    expect([...files.values()].filter(({ form }) => form === 'partial')).toHaveLength(1);
    const { sandbox } = await restoreTo(shop, 'latest');
    try {
      expect(await column(sandbox, `select name from r`)).toContain('only in the partial segment');
    } finally {
      await removeSandbox(shop.tools, sandbox);
    }
  });

  it('lets a server that is paused in that segment go on to what has been received since', async () => {
    await shop.archive();
    await shop.sql(`insert into r values ('before the first target')`);
    const first = await shop.sql<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn');
    await shop.sql(`insert into r values ('behind it')`);
    await received();
    const plan = await planTo(shop, `lsn=${first[0]!.lsn}`);
    const sandbox = sandboxFor(shop, plan);
    try {
      await prepare(shop, plan, sandbox);
      const replayTo = (to: RestorePlan): ReturnType<typeof replayWal> =>
        replayWal(shop.tools, { ...to, sandbox }, standaloneContext('replay'));
      const { reachedLsn } = await replayTo(plan);
      await shop.sql(`insert into r values ('received since')`);
      await received();
      expect(await column(sandbox, `select name from r`)).not.toContain('behind it');
      const further = await planTo(shop, 'latest');
      await moveOn(shop, { sandbox, reachedLsn, from: plan, to: further });
      expect((await replayTo(further)).paused).toBe(true);
      expect(await column(sandbox, `select name from r`)).toEqual(
        expect.arrayContaining(['before the first target', 'behind it', 'received since']),
      );
    } finally {
      await removeSandbox(shop.tools, sandbox);
    }
  });

  it('is what a sabotage drill copies: it sees a bit of a WAL record that is wrong', async () => {
    const { exitCode, stdout } = await cli('--json', 'sabotage-drill', 'shop', '--kind', 'wal-bit');
    expect([exitCode, JSON.parse(stdout)]).toMatchObject([
      0,
      { verdict: 'passed', control: { drillVerdict: 'passed' }, trials: [{ kind: 'wal-bit', drillVerdict: 'failed' }] },
    ]);
  });

  it('follows the source to a new timeline', async () => {
    await promoteInPlace(shop.source);
    await shop.sql(`insert into r values ('on timeline 2')`);
    const lsn = await shop.archive();
    expect(await readWithoutGap(2, lsn)).toBeGreaterThan(100);
    const { sandbox } = await restoreTo(shop, 'latest');
    try {
      expect(await column(sandbox, `select name from r`)).toContain('on timeline 2');
    } finally {
      await removeSandbox(shop.tools, sandbox);
    }
  });

  it('is not stopped without a word', async () => {
    const { exitCode, stderr } = await cli('stream', 'stop', 'shop');
    expect([exitCode, stderr]).toEqual([64, expect.stringContaining('run it again with --yes') as string]);
    const told = await cli('stream', 'stop', 'shop', '--dry-run');
    expect([told.exitCode, told.stdout]).toEqual([0, expect.stringMatching(/^This would .*drop its slot/) as string]);
    expect((await slot())?.active).toBe(true);
  });

  it('that is stopped leaves neither a slot nor a process', async () => {
    const { exitCode, stdout } = await cli('stream', 'stop', 'shop', '--yes');
    expect([exitCode, stdout]).toEqual([0, 'Stopped. Slot pgdrill_shop is dropped.']);
    expect([await slot(), receivers()]).toEqual([undefined, []]);
    expect((await cli('stream', 'stop', 'shop', '--yes')).exitCode).toBe(64);
  });

  it('refuses to write where the server archives', async () => {
    await shop.source.restart({
      archive_mode: 'on',
      archive_library: 'basic_archive',
      'basic_archive.archive_directory': join(shop.repository.path, 'wal'),
    });
    await expect(prepareStream(shop.tools, streamOf(slotName), false, standaloneContext('prepare'))).rejects.toThrow(
      /with basic_archive; the stream of shop would write the same files/,
    );
    expect(await slot()).toBeUndefined();
  });
});
