import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compareFingerprints } from '../../src/proof/compare.js';
import type { ClusterFingerprint } from '../../src/proof/fingerprint-schema.js';
import { dumpGlobals, dumpSchema } from '../../src/proof/schema-dump.js';
import type { Check } from '../../src/schema/results.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import { type TestCluster, startTestCluster } from '../support/cluster.js';
import { makeScratch, removeScratch } from '../support/scratch.js';
import { asDrill, run } from './proof-support.js';
import { drillRole } from './varied-database.js';

const { signal } = new AbortController();
let scratch: string;
let cluster: TestCluster;

beforeAll(async () => {
  scratch = await makeScratch();
  cluster = await startTestCluster(scratch);
  await run(cluster, `create database varied`, 'postgres');
  await run(cluster, drillRole);
  await run(
    cluster,
    `create table a (id int primary key, n int default 1);
     create index a_n on a (n);
     create function f() returns int language sql as $$ select 1 $$;
     create function g() returns int language sql as $$
-- why
select 1 $$;
     create view v as select id from a;
     create extension pg_visibility;
     create role clerk;
     create role leaver;`,
  );
});

afterAll(async () => {
  await cluster.remove();
  await removeScratch(scratch);
});

async function read(): Promise<ClusterFingerprint> {
  const options = { tools: cluster.tools, connection: asDrill(cluster), signal };
  const database = {
    database: 'varied',
    relations: [],
    sequences: { lsn: '0/0', states: [], unreadable: [] },
    unlogged: [],
    notCompared: [],
    schemaSql: await dumpSchema({ ...options, database: 'varied' }),
  };
  return {
    formatVersion: 1,
    takenAt: new Date().toISOString(),
    databases: [database],
    globalsSql: await dumpGlobals(options),
  };
}

function checksOf(before: ClusterFingerprint, after: ClusterFingerprint): { schema: Check; globals: Check } {
  const checks = compareFingerprints(before, after);
  const find = (name: string): Check => checks.find((check) => check.name === name)!;
  return { schema: find('schema'), globals: find('globals') };
}

describe('the schema of a database', () => {
  it('is the same text when read twice', async () => {
    expect(checksOf(await read(), await read())).toMatchObject({
      schema: { status: 'passed', problems: [] },
      globals: { status: 'passed', problems: [] },
    });
  });

  it.each([
    [
      'a changed function body',
      `create or replace function f() returns int language sql as $$ select 2 $$`,
      'select 2',
    ],
    [
      'a comment inside a function body',
      `create or replace function g() returns int language sql as $$
-- because
select 1 $$`,
      '-- because',
    ],
    ['a dropped index', `drop index a_n`, 'a_n'],
    ['a changed default', `alter table a alter n set default 2`, 'DEFAULT 2'],
    ['a comment', `comment on table a is 'all of them'`, 'all of them'],
    ['a privilege', `grant select on a to clerk`, 'GRANT SELECT'],
    ['an owner', `alter view v owner to clerk`, 'clerk'],
    ['a setting of the database', `alter database varied set work_mem = '7MB'`, '7MB'],
    ['a setting of a role in the database', `alter role clerk in database varied set work_mem = '8MB'`, '8MB'],
    ['a privilege on the database', `grant create on database varied to clerk`, 'clerk'],
    ['a comment on the database', `comment on database varied is 'many things'`, 'many things'],
    [
      'an extension version',
      `update pg_extension set extversion = '0.9' where extname = 'pg_visibility'`,
      'version 0.9',
    ],
    ['a collation version', `update pg_collation set collversion = '1.0' where collname = 'ucs_basic'`, 'version 1.0'],
    [
      'a database collation version',
      `update pg_database set datcollversion = '1.0' where datname = 'varied'`,
      'collation version',
    ],
    ['a constraint that is not validated', `alter table a add check (n > 0) not valid`, 'NOT VALID'],
    ['row-level security', `alter table a enable row level security`, 'ROW LEVEL SECURITY'],
    ['a replica identity', `alter table a replica identity full`, 'REPLICA IDENTITY'],
  ])('shows %s', async (_, sql, named) => {
    const before = await read();
    await run(cluster, sql);
    const { schema, globals } = checksOf(before, await read());
    expect(schema).toMatchObject({ status: 'failed', problems: [{ object: 'varied' }] });
    expect(schema.problems[0]!.detail).toContain(named);
    expect(globals.status).toBe('passed');
  });

  it('is read at the snapshot', async () => {
    const options = { tools: cluster.tools, connection: asDrill(cluster), signal, database: 'varied' };
    const before = await dumpSchema(options);
    const holder = await cluster.connect({ dbname: 'varied' });
    await holder.query('begin isolation level repeatable read read only');
    const { rows } = await holder.query<{ id: string }>('select pg_export_snapshot() as id');
    await run(cluster, `create table later (id int); alter database varied set work_mem = '9MB'`);
    const atSnapshot = await dumpSchema({ ...options, snapshot: rows[0]!.id });
    await holder.end();
    expect(atSnapshot).toBe(before);
    expect(await dumpSchema(options)).not.toBe(before);
  });
});

describe('the globals of a cluster', () => {
  it.each([
    ['a role attribute', `alter role clerk createdb`, 'CREATEDB'],
    ['a membership', `grant drill to clerk`, 'GRANT drill TO clerk'],
    ['a setting of a role', `alter role clerk set work_mem = '6MB'`, '6MB'],
    ['a dropped role', `drop role leaver`, 'CREATE ROLE leaver'],
  ])('show %s', async (_, sql, named) => {
    const before = await read();
    await run(cluster, sql);
    const { globals } = checksOf(before, await read());
    expect(globals).toMatchObject({ status: 'failed', problems: [{ object: 'roles and tablespaces' }] });
    expect(globals.problems[0]!.detail).toContain(named);
  });

  it('show no passwords, and not where a tablespace lies', async () => {
    await makePrivateDirectory(`${scratch}/fast`);
    await run(cluster, `create tablespace fast location '${scratch}/fast'`);
    await run(cluster, `alter role clerk password 'hidden'`);
    const { globalsSql } = await read();
    expect(globalsSql).toContain(`CREATE TABLESPACE fast OWNER postgres LOCATION '…';`);
    expect(globalsSql).not.toMatch(/PASSWORD|SCRAM|hidden/);
    await run(cluster, `drop tablespace fast`);
  });
});
