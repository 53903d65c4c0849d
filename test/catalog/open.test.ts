import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { withCatalog } from '../../src/catalog/catalog.js';
import { AccessError, UnreachableError } from '../../src/errors.js';
import type { Connection } from '../../src/postgres/connection.js';
import { startTestCluster, type TestCluster } from '../support/cluster.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

let scratch: string;
let cluster: TestCluster;
let admin: Connection;

beforeAll(async () => {
  scratch = await makeScratch();
  cluster = await startTestCluster(scratch);
  admin = await cluster.connect();
  await admin.query(`create role keeper login password 'right'`);
  await admin.query(`create role stranger login`);
  await admin.query('create database catalog owner keeper');
  const hba = join(cluster.dataDirectory, 'pg_hba.conf');
  await writeFile(hba, `local all keeper scram-sha-256\n${await readFile(hba, 'utf8')}`);
  await admin.query('select pg_reload_conf()');
});
afterAll(async () => {
  await admin.end();
  await cluster.remove();
  await removeScratch(scratch);
});

const url = (login: string, database = 'catalog'): string =>
  `postgresql://${login}@/${database}?host=${encodeURIComponent(cluster.directory)}`;

const open = (at: string): Promise<unknown> => withCatalog(at, (client) => client.query('select 1'));

async function failure(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => new Error('it did not fail'),
    (error: unknown) => error as Error,
  );
}

/** Connections to the catalog database that are open now, once closing ones had a moment to go. */
async function openConnections(): Promise<number> {
  let count = 0;
  for (let attempt = 0; attempt < 50; attempt++) {
    const { rows } = await admin.query<{ count: number }>(
      `select count(*)::int as count from pg_stat_activity where application_name = 'pgdrill-catalog'`,
    );
    count = rows[0]?.count ?? 0;
    if (count === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return count;
}

describe('the catalog', () => {
  it('is opened by URL, its schema made', async () => {
    const { rows } = await withCatalog(url('keeper:right'), (client) =>
      client.query('select * from pgdrill.v_rto_rpo_monitoring'),
    );
    expect(rows).toEqual([]);
    expect(await openConnections()).toBe(0);
  });

  it('with a wrong password is an access error that does not show the password', async () => {
    const error = await failure(open(url('keeper:wr0ng')));
    expect(error).toBeInstanceOf(AccessError);
    expect(error.message).toMatch(/The catalog cannot be used\. .*password authentication failed for user "keeper"/);
    expect(`${error.message}${error.stack ?? ''}`).not.toContain('wr0ng');
  });

  it('that does not exist is an access error that names it', async () => {
    const error = await failure(open(url('postgres', 'nowhere')));
    expect(error).toBeInstanceOf(AccessError);
    expect(error.message).toContain('database "nowhere" does not exist');
  });

  it('where nothing answers is unreachable, and may be tried again', async () => {
    const error = await failure(open('postgresql:///catalog?host=/nowhere/at/all'));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error).toMatchObject({ retryable: true, exitCode: 69 });
    expect(error.message).toContain('host=/nowhere/at/all');
  });

  it('that we may not set up is an access error with the SQL that mends it', async () => {
    await admin.query('create database foreign_catalog');
    const error = await failure(open(url('stranger', 'foreign_catalog')));
    expect(error).toBeInstanceOf(AccessError);
    expect(error.message).toContain('create schema pgdrill authorization stranger;');
    const owner = await cluster.connect({ dbname: 'foreign_catalog' });
    await owner.query('create schema pgdrill authorization stranger');
    await owner.end();
    await withCatalog(url('stranger', 'foreign_catalog'), (client) => client.query('select 1'));
  });

  it('is closed after the work, also when it fails', async () => {
    await expect(withCatalog(url('keeper:right'), (client) => client.query('select 1/0'))).rejects.toThrow(
      'division by zero',
    );
    expect(await openConnections()).toBe(0);
  });

  it('lets go of a running statement when it is cancelled, with the reason of the cancellation', async () => {
    const reason = new Error('cancelled for a reason');
    const untouched = vi.fn();
    const work = withCatalog(
      url('keeper:right'),
      (client) => client.query('select pg_sleep(60)'),
      AbortSignal.timeout(500),
    );
    await expect(work).rejects.toThrow(/timeout/);
    expect((await failure(withCatalog(url('keeper:right'), untouched, AbortSignal.abort(reason)))).message).toBe(
      reason.message,
    );
    expect(untouched).not.toHaveBeenCalled();
  });

  it('that goes away in the middle is unreachable', async () => {
    const error = await failure(
      withCatalog(url('postgres'), async (client) => {
        await admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgdrill-catalog'`,
        );
        return await client.query('select 1');
      }),
    );
    expect(error).toBeInstanceOf(UnreachableError);
  });
});
