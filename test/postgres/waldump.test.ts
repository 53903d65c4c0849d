import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RepositoryError } from '../../src/errors.js';
import { listTransactionEnds, type TransactionEnd } from '../../src/postgres/transaction-ends.js';
import { readWal } from '../../src/postgres/wal-content.js';
import { dumpWal, type WalRange } from '../../src/postgres/waldump.js';
import { startTestCluster, type TestCluster } from '../support/cluster.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

describe.each([17, 18] as const)('pg_waldump of PostgreSQL %i', (major) => {
  let scratch: string;
  let cluster: TestCluster;
  let ends: TransactionEnd[];
  const xids = { commit: 0, abort: 0, prepared: 0, undone: 0, parent: 0 };
  let range: WalRange;

  beforeAll(async () => {
    scratch = await makeScratch();
    cluster = await startTestCluster(scratch, {
      major,
      settings: { max_prepared_transactions: '2', track_commit_timestamp: 'on' },
    });
    const client = await cluster.connect();
    const one = async (sql: string): Promise<string> =>
      String(Object.values((await client.query<Record<string, string>>(sql)).rows[0] ?? {})[0]);
    const write = async (name: keyof typeof xids, sql: string): Promise<void> => {
      await client.query('begin');
      xids[name] = Number(await one('select pg_current_xact_id()'));
      await client.query(`insert into t values ('${name}')`);
      await client.query(sql);
    };
    await client.query('create table t (name text)');
    const from = await one('select pg_current_wal_insert_lsn()');
    await write('commit', 'commit');
    await write('abort', 'rollback');
    await write('prepared', `prepare transaction 'kept'`);
    await client.query(`commit prepared 'kept'`);
    await write('undone', `prepare transaction 'undone'`);
    await client.query(`rollback prepared 'undone'`);
    await write(
      'parent',
      `savepoint a; insert into t values ('child'); savepoint b; insert into t values ('grandchild'); commit`,
    );
    await client.query(`select pg_create_restore_point('COMMIT 2026-01-01 00:00:00 UTC')`);
    const to = await one('select pg_current_wal_insert_lsn()');
    await client.query('select pg_switch_wal()'); // pg_waldump reads files: what is only in memory it does not see
    range = {
      walDirectory: join(cluster.dataDirectory, 'pg_wal'),
      timeline: 1,
      from,
      to,
      segmentSizeBytes: 16 * 1024 * 1024,
    };
    ends = (await listTransactionEnds(cluster.tools, range)).filter(({ xid }) => Object.values(xids).includes(xid));
    await client.end();
  });
  afterAll(async () => {
    await cluster.remove();
    await removeScratch(scratch);
  });

  it('lists commits and aborts, also of prepared transactions, once each and in order', () => {
    expect(ends.map(({ kind, xid }) => [kind, xid])).toEqual([
      ['commit', xids.commit],
      ['abort', xids.abort],
      ['commit', xids.prepared],
      ['abort', xids.undone],
      ['commit', xids.parent],
    ]);
  });

  it('lists subtransactions with their parent', () => {
    expect(ends.map(({ subxids }) => subxids)).toEqual([[], [], [], [], [xids.parent + 1, xids.parent + 2]]);
  });

  it('tells the same time of a commit as the server', async () => {
    const client = await cluster.connect();
    const { rows } = await client.query<{ at: string }>(
      `select to_char(pg_xact_commit_timestamp($1::text::xid) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
      [String(xids.commit)],
    );
    await client.end();
    expect(ends[0]!.at).toBe(rows[0]!.at);
  });

  it('counts records as often as it lists them', async () => {
    let lines = 0;
    await dumpWal(cluster.tools, range, [], { onLine: () => (lines += 1) });
    const { records, bytes, byManager } = await readWal(cluster.tools, range);
    expect(records).toBe(lines);
    expect(bytes).toBeGreaterThan(records * 24); // a record's header
    expect([...byManager.values()].reduce((sum, each) => sum + each, 0)).toBe(records);
    expect(byManager.has('Tablespace')).toBe(false);
  });

  it('says which WAL is missing', async () => {
    const beyond = listTransactionEnds(cluster.tools, { ...range, to: '7/0' });
    await expect(beyond).rejects.toThrow(RepositoryError);
    await expect(beyond).rejects.toThrow(/The WAL from 0\/.* to 7\/0 on timeline 1 in .* cannot be read/);
    await expect(dumpWal(cluster.tools, { ...range, timeline: 9 }, [], { onLine: () => undefined })).rejects.toThrow(
      '000000090000000000000001',
    );
  });
});
