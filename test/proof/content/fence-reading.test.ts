import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { FenceError } from '../../../src/errors.js';
import type { Connection } from '../../../src/postgres/connection.js';
import { fingerprintDatabase } from '../../../src/proof/content/fingerprint.js';
import { type TestCluster, startTestCluster } from '../../support/cluster.js';
import { makeScratch, removeScratch } from '../../support/scratch.js';
import { asDrill, checkContent, readContent, run } from '../proof-support.js';
import { drillRole } from '../varied-database.js';

let scratch: string;
let cluster: TestCluster;
let holder: Connection;

beforeAll(async () => {
  scratch = await makeScratch();
  cluster = await startTestCluster(scratch);
  await run(cluster, `create database varied`, 'postgres');
  await run(cluster, drillRole);
});

beforeEach(async () => {
  await run(
    cluster,
    `create table a as select i as id, 'row ' || i as txt from generate_series(1, 100) i;
                      create table b as select i as id from generate_series(1, 10) i;`,
  );
  holder = await cluster.connect({ user: 'drill', dbname: 'varied' });
});

afterEach(async () => {
  await holder.end();
  await run(cluster, `drop schema public cascade; create schema public; grant usage on schema public to public`);
});

afterAll(async () => {
  await cluster.remove();
  await removeScratch(scratch);
});

async function takeSnapshot(): Promise<string> {
  await holder.query('begin isolation level repeatable read read only');
  const { rows } = await holder.query<{ id: string }>('select pg_export_snapshot() as id');
  return rows[0]!.id;
}

describe('the source, read at a snapshot', () => {
  it('does not show what is committed afterwards', async () => {
    const before = await readContent(cluster);
    const snapshot = await takeSnapshot();
    await run(cluster, `insert into a values (101, 'late'); delete from b; create table c (id int)`);
    expect(checkContent(before, await readContent(cluster, { snapshot }))).toMatchObject({ status: 'passed' });
    expect(checkContent(before, await readContent(cluster))).toMatchObject({ status: 'failed' });
  });

  it.each([
    ['truncated', `truncate a`, 'truncated or rewritten'],
    ['rewritten', `alter table a alter id type bigint`, 'truncated or rewritten'],
    ['given a column without a rewrite', `alter table a add extra int default 7`, 'altered'],
    ['deprived of a column', `alter table a drop txt`, 'altered'],
    ['dropped', `drop table a`, 'dropped'],
    ['renamed', `alter table a rename to z`, 'renamed'],
    ['exchanged for another of the same name', `alter table a rename to z; alter table b rename to a`, 'renamed'],
    ['moved', `create schema s; alter table a set schema s`, 'renamed'],
  ])('cannot prove a table that was %s after the snapshot', async (_, sql, reason) => {
    const restored = await readContent(cluster);
    const snapshot = await takeSnapshot();
    await run(cluster, sql);
    const source = await readContent(cluster, { snapshot });
    await run(cluster, `drop schema if exists s cascade`);
    const check = checkContent(source, restored);
    expect(check.status).toBe('unproven');
    expect(check.problems.find(({ object }) => object === 'varied.public.a')?.detail).toContain(reason);
  });

  it('cannot prove a table whose rows a policy may hide, and never simply sees fewer', async () => {
    const restored = await readContent(cluster);
    await run(cluster, `alter table a enable row level security; create policy few on a using (id < 5)`);
    const check = checkContent(await readContent(cluster, { snapshot: await takeSnapshot() }), restored);
    expect(check).toMatchObject({ status: 'unproven', problems: [{ object: 'varied.public.a' }] });
    expect(check.problems[0]!.detail).toContain('BYPASSRLS');
    await run(cluster, `alter role drill bypassrls`);
    expect(checkContent(await readContent(cluster), restored).status).toBe('passed');
    await run(cluster, `alter role drill nobypassrls`);
  });

  it('cannot prove a table that it has no right to read', async () => {
    const restored = await readContent(cluster);
    await run(cluster, `revoke pg_read_all_data from drill; grant select on b to drill`);
    const check = checkContent(await readContent(cluster), restored);
    await run(cluster, `grant pg_read_all_data to drill`);
    expect(check).toMatchObject({ status: 'unproven' });
    expect(check.problems.map(({ object }) => object)).toContain('varied.public.a');
    expect(check.problems.map(({ object }) => object)).not.toContain('varied.public.b');
    expect(check.problems.map(({ detail }) => detail).join()).toContain('pg_read_all_data');
  });

  it('goes on past a table that is locked, and past one that takes too long', async () => {
    const restored = await readContent(cluster);
    const locker = await cluster.connect({ dbname: 'varied' });
    await locker.query('begin; lock table a in access exclusive mode');
    const locked = checkContent(await readContent(cluster, { lockTimeoutMs: 200 }), restored);
    await locker.query('rollback');
    await locker.end();
    expect(locked).toMatchObject({ status: 'unproven', problems: [{ object: 'varied.public.a' }] });
    expect(locked.problems[0]!.detail).toContain('stronger lock');

    await run(cluster, `create table slow as select repeat('x', 2000) as t from generate_series(1, 200000)`);
    const slow = await readContent(cluster, { statementTimeoutMs: 20 });
    const quick = await readContent(cluster);
    expect(checkContent(slow, quick)).toMatchObject({
      status: 'unproven',
      problems: [{ object: 'varied.public.slow' }],
    });
    expect(checkContent(slow, quick).problems[0]!.detail).toContain('statement timeout');
  });

  it('ends with a FenceError, to be tried again, when the snapshot is gone', async () => {
    const snapshot = await takeSnapshot();
    await holder.query('rollback');
    await expect(readContent(cluster, { snapshot })).rejects.toThrow(FenceError);
  });

  it('stops with the reason of the signal, and its statements on the server with it', async () => {
    await run(cluster, `create table long as select repeat('x', 1000) as t from generate_series(1, 1000000)`);
    const cancel = new AbortController();
    const reason = new Error('cancelled by a human');
    const reading = fingerprintDatabase({
      connection: asDrill(cluster),
      database: 'varied',
      connections: 2,
      signal: cancel.signal,
    });
    setTimeout(() => cancel.abort(reason), 150);
    await expect(reading).rejects.toBe(reason);
    await expect.poll(() => sessionsOf('drill'), { timeout: 10_000 }).toBe(1); // the holder's
  });

  it('reads an empty database', async () => {
    await run(cluster, `drop table a, b`);
    const content = await readContent(cluster);
    expect(content.relations.map(({ kind, rows }) => [kind, rows])).toEqual([
      ['large objects', '0'],
      ['large objects', '0'],
    ]);
  });
});

async function sessionsOf(role: string): Promise<number> {
  const client = await cluster.connect();
  try {
    const { rows } = await client.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where usename = $1`,
      [role],
    );
    return rows[0]!.n;
  } finally {
    await client.end();
  }
}
