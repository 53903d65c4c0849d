import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compareFingerprints } from '../../../src/proof/compare.js';
import type { ClusterFingerprint } from '../../../src/proof/fingerprint-schema.js';
import { dumpGlobals, dumpSchema } from '../../../src/proof/schema/schema-dump.js';
import type { Check } from '../../../src/schema/results.js';
import { makePrivateDirectory } from '../../../src/files/durable.js';
import { type TestCluster, startTestCluster } from '../../support/cluster.js';
import { makeScratch, removeScratch } from '../../support/scratch.js';
import { asDrill, run } from '../proof-support.js';
import { drillRole } from '../varied-database.js';

const { signal } = new AbortController();
let scratch: string;
let cluster: TestCluster;

beforeAll(async () => {
  scratch = await makeScratch();
  cluster = await startTestCluster(scratch, { settings: { allow_in_place_tablespaces: 'on' } });
  await run(cluster, `create database varied`, 'postgres');
  await run(cluster, `create database silent`, 'postgres');
  await run(cluster, `create tablespace beside location ''`, 'postgres');
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
     create role leaver;
     create table referring (id int references a);
     create table marked (id int primary key, t text, secret int);
     create materialized view m as select count(*) as n from a;
     create policy mine on marked using (id > 0);
     create statistics marked_stats on id, t from marked;
     create function noted() returns event_trigger language plpgsql as 'begin end';
     create event trigger notes on ddl_command_end execute function noted();
     create publication news for table a;
     create subscription inbox connection 'host=/nowhere dbname=x' publication news with (connect = false, slot_name = 'inbox');
     create table parted (id int) partition by range (id);
     create table parted_one partition of parted for values from (1) to (10);
     create sequence counted;
     create function wide(int) returns int language sql as 'select 1';
     select lo_from_bytea(4711, 'x');`,
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
    ['a changed policy', `alter policy mine on marked using (id > 1)`, 'CREATE POLICY mine ON public.marked'],
    ['a policy for another role', `alter policy mine on marked to clerk`, 'clerk'],
    ['forced row-level security', `alter table marked force row level security`, 'FORCE ROW LEVEL SECURITY'],
    ['a statistics object', `drop statistics marked_stats`, 'marked_stats'],
    ['a statistics target', `alter table marked alter t set statistics 77`, 'SET STATISTICS 77'],
    ['a storage setting', `alter table marked set (autovacuum_enabled = off, fillfactor = 70)`, 'autovacuum_enabled'],
    [
      'a setting of a TOAST table',
      `alter table marked set (toast.autovacuum_enabled = off)`,
      'toast.autovacuum_enabled',
    ],
    ["a column's storage", `alter table marked alter t set storage external`, 'STORAGE EXTERNAL'],
    ["a column's compression", `alter table marked alter t set compression pglz`, 'pglz'],
    ['a clustered index', `alter table marked cluster on marked_pkey`, 'CLUSTER ON marked_pkey'],
    ['default privileges', `alter default privileges grant select on tables to clerk`, 'ALTER DEFAULT PRIVILEGES'],
    ['a privilege on a column', `grant select (secret) on marked to clerk`, 'GRANT SELECT(secret)'],
    ['a disabled event trigger', `alter event trigger notes disable`, 'ALTER EVENT TRIGGER notes DISABLE'],
    ['a publication', `alter publication news drop table a`, 'ALTER PUBLICATION news ADD TABLE'],
    [
      'a publication that leaves operations out',
      `alter publication news set (publish = 'insert')`,
      'CREATE PUBLICATION news',
    ],
    ['a changed sequence', `alter sequence counted increment 7`, 'INCREMENT BY 7'],
    ['a function that became SECURITY DEFINER', `alter function wide(int) security definer`, 'SECURITY DEFINER'],
    ["a function's own settings", `alter function wide(int) set search_path = public`, 'search_path'],
    ['a detached partition', `alter table parted detach partition parted_one`, 'ATTACH PARTITION public.parted_one'],
    [
      'a security label',
      `insert into pg_seclabel values ('marked'::regclass, 'pg_class'::regclass, 0, 'dummy', 'secret')`,
      'SECURITY LABEL',
    ],
    ['a table in another tablespace', `alter table parted_one set tablespace beside`, 'Name: parted_one'],
    // From here on: what pg_dump itself does not show.
    [
      "an extension's owner",
      `update pg_extension set extowner = 'clerk'::regrole where extname = 'pg_visibility'`,
      'owner clerk',
    ],
    [
      'a changed function of an extension',
      `create or replace function pg_visibility_map_summary(regclass, out all_visible bigint, out all_frozen bigint)
       returns record language sql as 'select 0::bigint, 0::bigint'`,
      'extension pg_visibility has',
    ],
    [
      'a changed built-in function',
      `update pg_proc set provolatile = 'v' where oid = 'pg_catalog.upper(text)'::regprocedure`,
      'built-in rows of pg_proc',
    ],
    [
      'an index that is not valid',
      `update pg_index set indisvalid = false where indexrelid = 'marked_pkey'::regclass`,
      'marked_pkey',
    ],
    [
      'a foreign key that is switched off',
      `alter table referring disable trigger all`,
      'constraint referring_id_fkey on public.referring',
    ],
    ['a materialized view that is empty', `refresh materialized view m with no data`, 'materialized view public.m'],
    ["a large object's owner", `alter large object 4711 owner to clerk`, '4711'],
    ['a privilege on a large object', `grant select on large object 4711 to clerk`, '4711'],
    ['a comment on a large object', `comment on large object 4711 is 'a scan'`, 'a scan'],
    ['a lost large object', `select lo_unlink(4711)`, '4711'],
    ['a subscription', `alter subscription inbox set (slot_name = 'other')`, 'slot other'],
    ["a subscription's owner", `alter subscription inbox owner to drill`, 'owner drill'],
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
    ['a comment on a role', `comment on role clerk is 'at the desk'`, 'at the desk'],
    ['a role that expires', `alter role clerk valid until '2030-01-01'`, 'VALID UNTIL'],
    ['a connection limit', `alter role clerk connection limit 3`, 'CONNECTION LIMIT 3'],
    ['a privilege on a parameter', `grant set on parameter log_duration to clerk`, 'log_duration'],
    ["a tablespace's owner", `alter tablespace beside owner to clerk`, 'beside OWNER clerk'],
    ['options of a tablespace', `alter tablespace beside set (random_page_cost = 1.5)`, 'random_page_cost'],
    ['a comment on a tablespace', `comment on tablespace beside is 'next door'`, 'next door'],
    // From here on: what pg_dumpall itself does not show.
    ['a database that takes no connections', `alter database silent allow_connections false`, 'database silent'],
    ['a template', `alter database silent is_template true`, 'template t'],
    ['a replication origin', `select pg_replication_origin_create('elsewhere')`, 'replication origin elsewhere'],
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
