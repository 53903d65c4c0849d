import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { type Connection, connect } from '../../../src/postgres/connection.js';
import { compareLsn } from '../../../src/postgres/lsn.js';
import { type StepContext, standaloneContext } from '../../../src/process/step-context.js';
import { captureSource } from '../../../src/proof/capture.js';
import { readKeptFingerprint } from '../../../src/proof/kept-fingerprint.js';
import { validateRestore } from '../../../src/proof/validate.js';
import { removeSandbox } from '../../../src/restore/sandbox.js';
import type { Capture, Check, Sandbox } from '../../../src/schema/results.js';
import { column, inSandbox, restoreTo } from '../../restore/restore-support.js';
import { protectCluster, type ProtectedCluster } from '../../support/protected-cluster.js';
import { startLoad, stopLoad } from '../../support/pgbench.js';

let shop: ProtectedCluster;
const made: Sandbox[] = [];
let drills = 0;

beforeAll(async () => {
  shop = await protectCluster({ settings: { max_prepared_transactions: '5', track_commit_timestamp: 'on' } });
  await shop.sql(`create table accounts (id int primary key, balance int not null, note text);
                  insert into accounts select i, 0, repeat('a', 60) from generate_series(1, 5000) i;
                  create table ledger (id bigint generated always as identity primary key, account int, amount int, xid xid8 default pg_current_xact_id())`);
  await shop.sql('create database second');
  await shop.sql(`create table visits (at timestamptz default clock_timestamp(), page int)`, 'second');
  await shop.backup('full');
  await shop.sql(`update accounts set note = 'changed' where id < 200`);
  await shop.backup('incremental');
});
afterAll(async () => {
  await stopLoad();
  await shop.remove();
});
afterEach(async () => {
  await stopLoad();
  for (const sandbox of made.splice(0)) await removeSandbox(shop.tools, sandbox);
});

const payment = `
  \\set account random(1, 5000)
  \\set amount random(-100, 100)
  begin;
  update accounts set balance = balance + :amount where id = :account;
  insert into ledger (account, amount) values (:account, :amount);
  commit;`;

async function capture(progress: StepContext['progress'] = () => undefined): Promise<Capture> {
  return await captureSource(
    shop.tools,
    {
      ...shop.patient,
      repository: shop.repository,
      connections: 2,
      snapshotTimeoutMs: 60_000,
      drillId: `drill-${++drills}`,
    },
    { ...standaloneContext(`capture-${drills}`), progress },
  );
}

async function restoreAndValidate(taken: Capture): Promise<{ sandbox: Sandbox; checks: Check[] }> {
  const { sandbox } = await restoreTo(shop, 'fence', { fence: taken.fence });
  made.push(sandbox);
  const { checks } = await validateRestore(
    shop.tools,
    { repository: shop.repository, sandbox, role: 'pgdrill', capture: taken, connections: 2 },
    standaloneContext('validate'),
  );
  return { sandbox, checks };
}

const notPassed = (checks: readonly Check[]): Check[] => checks.filter(({ status }) => status !== 'passed');

describe('on a busy cluster, replay to the fence yields exactly the fingerprinted content', () => {
  it.each([1, 2, 3])('round %i', async () => {
    startLoad(shop, payment, 8);
    startLoad(shop, `insert into visits (page) values (random() * 100);`, 3, 'second');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const taken = await capture();
    await stopLoad();
    const { sandbox, checks } = await restoreAndValidate(taken);
    expect(notPassed(checks)).toEqual([]);

    // The same told by SQL of our own: all of one transaction is there, or none of it.
    expect(
      await column(
        sandbox,
        `select (select sum(balance) from accounts) is not distinct from (select sum(amount) from ledger)`,
      ),
    ).toEqual(['true']);
    const source = await readKeptFingerprint(shop.repository, taken.fingerprint);
    const rows = new Map(
      source.databases.flatMap(({ relations }) => relations.map(({ name, rows }): [string, string] => [name, rows])),
    );
    expect(await column(sandbox, `select count(*) from ledger`)).toEqual([rows.get('ledger')]);
    expect(await column(sandbox, `select count(*) from visits`, 'second')).toEqual([rows.get('visits')]);
    // The source went on meanwhile, so equality was not for want of writes.
    const [now] = await shop.sql<{ n: string }>('select count(*)::text as n from ledger');
    expect(Number(now!.n)).toBeGreaterThan(Number(rows.get('ledger')));
    expect(compareLsn(taken.fence.lsn, taken.fence.restorePointLsn)).toBeLessThanOrEqual(0);
  });

  it('and one row that was changed in the sandbox is found', async () => {
    const taken = await capture();
    const { sandbox } = await restoreAndValidate(taken);
    await inSandbox(sandbox, (client) => client.query(`update accounts set balance = balance + 1 where id = 17`));
    const { checks } = await validateRestore(
      shop.tools,
      { repository: shop.repository, sandbox, role: 'pgdrill', capture: taken, connections: 2 },
      standaloneContext('validate again'),
    );
    const content = checks.find(({ name }) => name === 'content')!;
    expect(content.status).toBe('failed');
    expect(content.problems.map(({ object }) => object)).toEqual(['postgres.public.accounts']);
  });
});

describe('transactions that are open while the fence is taken', () => {
  let client: Connection;
  beforeAll(async () => {
    client = await connect(shop.admin);
  });
  afterAll(() => client.end());

  it('are not in the restored content, prepared ones included', async () => {
    await client.query(
      `begin; insert into ledger (account, amount) values (1, 0); update accounts set note = 'open' where id = 1`,
    );
    const other = await connect(shop.admin);
    await other.query(
      `begin; insert into ledger (account, amount) values (2, 0); update accounts set note = 'prepared' where id = 2; prepare transaction 'waits'`,
    );
    await other.end();
    const taken = await capture();
    await client.query('commit');
    await shop.sql(`commit prepared 'waits'`);
    const { sandbox, checks } = await restoreAndValidate(taken);
    expect(notPassed(checks).map(({ name, problems }) => ({ name, problems }))).toEqual([]);
    expect(await column(sandbox, `select count(*) from accounts where note in ('open', 'prepared')`)).toEqual(['0']);
    expect(await column(sandbox, `select gid from pg_prepared_xacts`)).toEqual(['waits']);
  });
});

describe('what would have been lost', () => {
  beforeAll(async () => {
    // Autovacuum commits, too.
    await shop.sql(`alter system set autovacuum = off`);
    await shop.sql(`select pg_reload_conf()`);
    await alone();
  });

  it('is nothing where the archive has all', async () => {
    await shop.archive();
    const { rpo } = await capture();
    // Only what archiving itself writes may lie behind: no transaction.
    expect(rpo.transactions).toBe(0);
    expect(rpo.seconds).toBe(0);
  });

  it('is counted as the source itself counts its commits', async () => {
    await shop.archive();
    await shop.sql(`create table counted (n int)`);
    startLoad(shop, `insert into counted values (1);`, 2);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await stopLoad();
    // pgbench may be gone before its servers have committed what it last sent.
    await alone();
    const [source] = await shop.sql<{ rows: number; oldest: Date }>(
      `select count(*)::int as rows, (select min(pg_xact_commit_timestamp(xmin)) from pg_class where relname = 'counted') as oldest from counted`,
    );
    const { rpo } = await capture();
    expect(source!.rows).toBeGreaterThan(100);
    // One row a transaction; and the table's own creation, unless a segment was filled and archived meanwhile.
    expect(rpo.transactions).toBe(source!.rows + 1);
    expect(rpo.bytes).toBeGreaterThan(source!.rows * 50);
    const age = (Date.parse(rpo.failureAt) - source!.oldest.getTime()) / 1_000;
    expect(Math.abs(rpo.seconds - age)).toBeLessThan(0.01);
  });

  it('grows while archiving stands still and the source goes on committing; the next drill finds that it was the worst', async () => {
    const archiveInto = async (directory: string): Promise<void> => {
      await shop.sql(`alter system set basic_archive.archive_directory = '${directory}'`);
      await shop.sql(`select pg_reload_conf()`);
    };
    await shop.sql(`create table while_stalled (lsn pg_lsn default pg_current_wal_insert_lsn())`);
    await shop.archive();
    const marked = { formatVersion: 1, rpo: { failureAt: new Date().toISOString() } };
    await shop.repository.storage.writeText('evidence/marked/evidence.json', JSON.stringify(marked));
    // When each segment was first seen in the archive, by this test's own looking.
    const seen = new Map<string, number>();
    const watch = setInterval(() => {
      void readdir(shop.patient.walDirectory).then((names) => {
        for (const name of names) if (!seen.has(name)) seen.set(name, Date.now());
      });
    }, 10);
    await archiveInto('');
    startLoad(shop, `insert into while_stalled default values;`, 2);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    let resumed: Promise<void> | undefined;
    const { rpo } = await capture(({ doing }) => {
      if (doing.startsWith('waiting for the WAL'))
        resumed ??= stopLoad().then(() => archiveInto(shop.patient.walDirectory));
    });
    await resumed;
    await alone();
    await shop.archive();
    clearInterval(watch);
    const commits = `select lsn, pg_xact_commit_timestamp(xmin) as at from while_stalled`;
    const [source] = await shop.sql<{ lost: number; most: number; oldest: Date }>(
      `select count(*) filter (where at <= '${rpo.failureAt}')::int as lost,
              count(*) filter (where at <= '${rpo.failureAt}'::timestamptz + interval '250 ms')::int as most,
              min(at) as oldest
         from (${commits}) as commits`,
    );
    expect(source!.lost).toBeGreaterThan(200);
    // The clock is read just before the position; and what two clients were just committing may fall on either side.
    expect(rpo.transactions).toBeGreaterThanOrEqual(source!.lost - 2);
    expect(rpo.transactions).toBeLessThanOrEqual(source!.most);
    expect(rpo.seconds).toBeGreaterThan(2.4);
    expect(Math.abs(rpo.seconds - (Date.parse(rpo.failureAt) - source!.oldest.getTime()) / 1_000)).toBeLessThan(0.01);
    expect(rpo.worst).toMatchObject({ since: marked.rpo.failureAt, seconds: rpo.seconds });

    const { rpo: next } = await capture();
    const firsts = await shop.sql<{ segment: string; first: Date }>(
      `select pg_walfile_name(lsn) as segment, min(at) as first from (${commits}) as commits group by 1`,
    );
    const exposed = Math.max(...firsts.map(({ segment, first }) => seen.get(segment)! - first.getTime())) / 1_000;
    expect(exposed).toBeGreaterThan(rpo.seconds);
    expect(next.seconds).toBeLessThan(rpo.seconds);
    expect(Math.abs(next.worst!.seconds! - exposed)).toBeLessThan(0.7);
  });

  it('is not known where the archive’s files are dated before what is in them', async () => {
    const long = new Date(Date.now() - 3_600_000);
    for (const name of await readdir(shop.patient.walDirectory))
      await utimes(join(shop.patient.walDirectory, name), long, long);
    const marked = { formatVersion: 1, rpo: { failureAt: new Date(Date.now() - 7_200_000).toISOString() } };
    await shop.repository.storage.writeText('evidence/marked/evidence.json', JSON.stringify(marked));
    const { rpo } = await capture();
    expect(rpo.worst?.seconds).toBeUndefined();
    expect(rpo.worst?.unknown).toMatch(/is dated .*, before its first commit/);
  });
});

/** Waits until nobody is left who could commit something. */
async function alone(): Promise<void> {
  const others = `
    select backend_type, query
      from pg_stat_activity
     where backend_type = 'autovacuum worker' or backend_type = 'client backend' and pid <> pg_backend_pid()`;
  await vi.waitFor(async () => expect(await shop.sql(others)).toEqual([]), { timeout: 30_000, interval: 100 });
}

it('leaves no session and no transaction on the source', async () => {
  const taken = await capture();
  expect(await readdir(shop.repository.storage.pathOf('evidence'))).toContain(`drill-${drills}`);
  expect(taken.fence.snapshots.map(({ database }) => database)).toEqual(['postgres', 'second']);
  await expect.poll(() => shop.sql(`select pid, query from pg_stat_activity where usename = 'pgdrill'`)).toEqual([]);
});
