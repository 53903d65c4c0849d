import { WorkflowFailedError } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { UnreachableError } from '../../src/errors.js';
import { parseConninfo } from '../../src/postgres/conninfo.js';
import { fixHost, withConnection } from '../../src/postgres/connection.js';
import { compareLsn } from '../../src/postgres/lsn.js';
import { takeBackup } from '../../src/repository/take-backup.js';
import { listBackups } from '../../src/repository/repository.js';
import { standaloneContext } from '../../src/process/step-context.js';
import { recoverableRanges } from '../../src/restore/recoverable.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { DrillResult } from '../../src/schema/evidence.js';
import type { Sandbox } from '../../src/schema/results.js';
import { column, planTo, restoreTo } from '../restore/restore-support.js';
import { startTestCluster } from '../support/cluster.js';
import { crashSource } from '../support/crash.js';
import { configure } from '../support/pgdrill-config.js';
import { pgdrillRole } from '../support/protected-cluster.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { bothHosts, makeStandby, type Standby } from '../support/standby.js';
import { type RunningWorker, start, startWorker } from '../support/temporal.js';

// A primary and its streaming standby. The standby is cut off, the primary commits more, dies, and the standby is promoted: what the primary
// committed last lies in the archive, on a branch that the cluster has left. The rows that were there at each place were written down.
let book: Runbook;
let standby: Standby;
let connection: string;
let loaded: LoadedConfiguration;
let worker: RunningWorker;
const sandboxes: Sandbox[] = [];
const places = { beforeFork: '', onBranch: '', branchLsn: '', branchXid: '', onNew: '' };
let [first, abandoned]: (BackupRecord | undefined)[] = [];

/** @returns the place right behind the row. */
async function write(on: Pick<Standby, 'sql'>, name: string): Promise<{ time: string; lsn: string; xid: string }> {
  await on.sql(`insert into r values ('${name}')`);
  const [row] = await on.sql<{ time: string; lsn: string; xid: string }>(
    `select pg_sleep(0.02), clock_timestamp()::text as time, pg_current_wal_insert_lsn()::text as lsn,
            (select xmin::text from r where name = '${name}') as xid`,
  );
  await on.sql(`select pg_sleep(0.02)`);
  return row!;
}

beforeAll(async () => {
  book = await startRunbook({ sql: 'create table r (name text primary key)' });
  const { shop } = book;
  [first] = book.backups;
  standby = await makeStandby(shop);
  connection = bothHosts(shop, standby);
  loaded = await configure(shop, { connection });
  worker = await startWorker(book.temporal, loaded);
  places.beforeFork = (await write(shop, 'shared')).time;
  await standby.caughtUp();
  await standby.cutOff();
  const branch = await write(shop, 'left behind');
  [places.onBranch, places.branchLsn, places.branchXid] = [branch.time, branch.lsn, branch.xid];
  await write(shop, 'left behind, too');
  // So far that what it backs up now ends behind the first backups of the new timeline.
  for (let segments = 0; segments < 3; segments += 1) await shop.archive();
  abandoned = await shop.backup('incremental');
  await shop.archive();
});
afterAll(async () => {
  await worker.stop();
  await standby.remove();
  await book.close();
});
afterEach(async () => {
  for (const sandbox of sandboxes.splice(0)) await removeSandbox(book.shop.tools, sandbox);
});

async function rows(target: string): Promise<string> {
  const { sandbox } = await restoreTo(book.shop, target);
  sandboxes.push(sandbox);
  const [names] = await column(sandbox, `select string_agg(name, '; ' order by name) from r`);
  return names!;
}

async function backup(type: 'full' | 'incremental', operation: string): Promise<BackupRecord> {
  const { shop } = book;
  return await takeBackup(
    shop.tools,
    { repository: shop.repository, connection: parseConninfo(connection), type },
    standaloneContext(operation),
  );
}

describe('a connection to two hosts', () => {
  it('reaches the primary, whichever it is, and can be fixed to it', async () => {
    const pairs = parseConninfo(connection);
    const swapped = { ...pairs, host: pairs['host']!.split(',').reverse().join(',') };
    for (const each of [pairs, swapped]) {
      expect((await fixHost(each))['host']).toBe(book.shop.source.directory);
      const answer = await withConnection(each, (client) => client.query('select pg_is_in_recovery() as standby'));
      expect(answer.rows).toEqual([{ standby: false }]);
    }
    expect(await fixHost({ ...pairs, target_session_attrs: 'prefer-standby' })).toMatchObject({
      host: standby.cluster.directory,
    });
    // A replication connection knows no SELECT.
    await withConnection(swapped, (client) => client.query('IDENTIFY_SYSTEM'), { overrides: { replication: 'true' } });
  });

  it('says of each host why it is not the one, between the death of one and the promotion of the other', async () => {
    await crashSource(book.shop);
    const failure = await withConnection(parseConninfo(connection), (client) => client.query('select 1')).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(UnreachableError);
    expect(failure).toMatchObject({ retryable: true, answered: true });
    const { message } = failure as UnreachableError;
    expect(message).toMatch(
      new RegExp(`${book.shop.source.directory}:5432 cannot be reached \\(.*(ENOENT|ECONNREFUSED)`),
    );
    expect(message).toContain(`${standby.cluster.directory}:5432 is a standby`);
    await standby.promote();
  });
});

describe('after a failover', () => {
  it('a drill follows it: a full backup, with the reason, and the proof passes', async () => {
    await write(standby, 'on the new primary');
    const handle = await start(book.temporal, loaded, 'drill', { cluster: 'shop', backup: 'incremental' });
    const result = (await handle.result()) as DrillResult;
    expect(result.verdict).toBe('passed');
    const record = (await listBackups(book.shop.repository)).find(({ timeline }) => timeline === 2);
    expect(record).toMatchObject({
      type: 'full',
      requestedType: 'incremental',
      systemIdentifier: first!.systemIdentifier,
    });
    expect(record?.fallbackReason).toMatch(/the cluster was promoted since .*timeline 1 → 2/);
    places.onNew = (await write(standby, 'later')).time;
    await write(standby, 'last');
  });

  it('the next incremental builds on that, although an abandoned backup reaches further', async () => {
    const [full] = (await listBackups(book.shop.repository)).filter(({ timeline }) => timeline === 2);
    expect(compareLsn(abandoned!.endLsn, full!.endLsn)).toBeGreaterThan(0);
    const record = await backup('incremental', 'after the failover');
    expect(record).toMatchObject({ type: 'incremental', parent: full!.id });
    await standby.sql(`select pg_switch_wal()`);
  });

  it.each([
    ['before the fork', () => `time=${places.beforeFork}`, 'shared'],
    ['before the fork, the old timeline asked for', () => `time=${places.beforeFork},timeline=1`, 'shared'],
    ['on the branch, by time', () => `time=${places.onBranch},timeline=1`, 'left behind; shared'],
    ['on the branch, by LSN', () => `lsn=${places.branchLsn},timeline=1`, 'left behind; shared'],
    ['on the branch, by transaction', () => `xid=${places.branchXid},timeline=1`, 'left behind; shared'],
    ['at the branch’s end', () => 'latest,timeline=1', 'left behind; left behind, too; shared'],
    ['on the new timeline', () => `time=${places.onNew}`, 'later; on the new primary; shared'],
    ['at the new timeline’s end', () => 'latest', 'last; later; on the new primary; shared'],
  ])('a restore to a place %s has exactly what was there', async (_, target, truth) => {
    expect(await rows(target())).toBe(truth);
  });

  it('the abandoned backup is used for its own timeline only', async () => {
    expect((await planTo(book.shop, 'latest')).chain.map(({ id }) => id)).not.toContain(abandoned!.id);
    expect((await planTo(book.shop, 'immediate,timeline=1')).chain.at(-1)?.id).toBe(abandoned!.id);
    expect((await planTo(book.shop, `time=${places.onBranch},timeline=1`)).chain.map(({ id }) => id)).toEqual([
      first!.id,
    ]);
  });

  it('a timeline that there is not is refused', async () => {
    await expect(planTo(book.shop, 'latest,timeline=7')).rejects.toThrow(/nothing of timeline 7; it knows 1, 2/);
  });

  it('what can be restored says what was left behind', async () => {
    const { shop } = book;
    const backups = await listBackups(shop.repository);
    const ranges = await recoverableRanges(
      shop.tools,
      backups,
      shop.patient.walDirectory,
      new AbortController().signal,
    );
    const [branch, ...others] = ranges.filter(({ abandonedFrom }) => abandonedFrom !== undefined);
    expect([branch!.timeline, others]).toEqual([1, []]);
    expect(compareLsn(branch!.abandonedFrom!, places.branchLsn)).toBeLessThan(0);
    expect(compareLsn(branch!.to, places.branchLsn)).toBeGreaterThan(0);
    expect(ranges.map(({ timeline }) => timeline)).toContain(2);
  });

  it('the old primary, should it come back as if nothing had happened, is not backed up', async () => {
    await book.shop.source.start();
    await expect(backup('full', 'of the old primary')).rejects.toThrow(
      /The source is on timeline 1, but backup \S+ is of timeline 2/,
    );
    await book.shop.source.stop();
  });

  it('another cluster at the address of the old one is refused', async () => {
    const foreign = await startTestCluster(book.shop.scratch, {
      name: 'foreign',
      ownIdentity: true,
      settings: { unix_socket_directories: book.shop.source.directory },
    });
    try {
      await withConnection(book.shop.admin, (client) => client.query(pgdrillRole));
      const before = await listBackups(book.shop.repository);
      const handle = await start(book.temporal, loaded, 'drill', { cluster: 'shop', backup: 'full' });
      const failure = (await handle.result().catch((error: unknown) => error)) as WorkflowFailedError;
      expect(failure).toBeInstanceOf(WorkflowFailedError);
      expect(failure.cause?.message).toMatch(/has system identifier \d+, but the backups in .* are of \d+/);
      await expect(backup('full', 'of another cluster')).rejects.toThrow(/has system identifier/);
      expect(await listBackups(book.shop.repository)).toEqual(before);
    } finally {
      await foreign.remove();
    }
  });
});
