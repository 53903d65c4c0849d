import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type LoadedConfiguration, loadConfiguration } from '../../src/configuration/load.js';
import { codeOf } from '../../src/errors.js';
import { makePrivateDirectory, writeFileDurably } from '../../src/files/durable.js';
import { formatConninfo } from '../../src/postgres/conninfo.js';
import { withConnection } from '../../src/postgres/connection.js';
import { dumpSchema } from '../../src/proof/schema/schema-dump.js';
import { sandboxConninfo } from '../../src/restore/sandbox.js';
import type { DrillResult } from '../../src/schema/evidence.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { start, startTestTemporal, type TestTemporal, withWorker } from '../support/temporal.js';

// One cluster with one of everything that clusters have and tests usually have not, and one of the next major version beside it: both in
// one configuration, drilled by one worker, as the role that `pgdrill init` makes.

/** Names that want quoting in every place where a name may be pasted into a command, a connection string or SQL. */
const odd = {
  database: `Ünï "q" 'a' \\b=c`,
  schema: 'Größe; drop "x"',
  table: `Tab\té ☃ 'q' %s`,
  tablespace: `Platz "1"`,
  inPlace: 'Im Platz',
  role: `Prüf "Rolle" \\ 'q'`,
  owner: 'Bob; --',
};
const id = (name: string): string => `"${name.replaceAll('"', '""')}"`;

let temporal: TestTemporal;
let monster: ProtectedCluster;
let eighteen: ProtectedCluster;
let loaded: LoadedConfiguration;
const results = new Map<string, DrillResult>();
/** What the restored monster said of itself, asked before it is removed. */
const seen: {
  largeObjects?: object;
  prepared?: object[];
  tablespaces?: string[];
  outside?: boolean;
  control?: object;
} = {};

beforeAll(async () => {
  [temporal, monster, eighteen] = await Promise.all([
    startTestTemporal(),
    protectCluster({
      name: 'a1-_b',
      // 17 makes clusters without checksums unless told otherwise.
      initdbArgs: ['--wal-segsize=1'],
      settings: { allow_in_place_tablespaces: 'on', max_prepared_transactions: '5' },
    }),
    protectCluster({
      name: 'eighteen',
      major: 18,
      initdbArgs: ['--wal-segsize=64', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    }),
  ]);
  await fillMonster();
  await eighteen.sql(
    `create table t (id int primary key, at timestamptz default now()); insert into t select generate_series(1, 500)`,
  );
  const path = join(monster.scratch, 'both.yaml');
  await writeFileDurably(
    path,
    `state_directory: ${join(monster.scratch, 'state')}
temporal: { task_queue: variety-${process.pid} }
clusters:
${[monster, eighteen]
  .map(
    ({ patient }) => `  ${patient.name}:
    connection: ${JSON.stringify(formatConninfo({ ...patient.connection, ...(patient.name === 'eighteen' ? {} : { user: odd.role, dbname: odd.database }) }))}
    repository: ${patient.repository}
    sandbox: { directory: ${patient.sandboxDirectory}, settings: { shared_buffers: 16MB } }
`,
  )
  .join('')}`,
  );
  loaded = await loadConfiguration({ path });
  await withWorker(
    temporal,
    loaded,
    {
      wrap: (real) => ({
        validateRestore: async (input) => {
          if (input.cluster === 'a1-_b') await lookInside(sandboxConninfo(input.sandbox), input.sandbox.directory);
          return await real.validateRestore(input);
        },
      }),
    },
    async () => {
      await Promise.all(
        [monster, eighteen].map(async ({ patient: { name } }) => {
          const drill = await start(temporal, loaded, 'drill', { cluster: name, backup: 'full+incremental' });
          results.set(name, (await drill.result()) as DrillResult);
        }),
      );
    },
  );
});
afterAll(async () => {
  await Promise.all([monster.remove(), eighteen.remove(), temporal.stop()]);
});

async function fillMonster(): Promise<void> {
  const outside = join(monster.scratch, 'out side=1');
  await makePrivateDirectory(outside);
  const run = async (...statements: string[]): Promise<void> => {
    for (const statement of statements) await monster.sql(statement);
  };
  await run(
    `create tablespace ${id(odd.tablespace)} location '${outside}'`,
    `create tablespace ${id(odd.inPlace)} location ''`,
    `create role ${id(odd.owner)}`,
    `alter role pgdrill rename to ${id(odd.role)}`,
    `create database ${id(odd.database)} tablespace ${id(odd.tablespace)}`,
    `create database latin1 encoding latin1 locale 'C' template template0`,
    `create database "built in" locale_provider builtin builtin_locale 'C.UTF-8' template template0`,
    `create database ascii encoding sql_ascii template template0`,
    `create database closed`,
    `revoke connect on database closed from public`,
    `grant connect on database closed to ${id(odd.role)}`,
  );
  const table = `${id(odd.schema)}.${id(odd.table)}`;
  await monster.sql(
    `
    -- A function may be called in one database only: the role's grants of init belong here as well.
    grant execute on function pg_switch_wal(), pg_create_restore_point(text) to ${id(odd.role)};
    create schema ${id(odd.schema)} authorization ${id(odd.owner)};
    create table ${table} ("A b" int primary key, "é" text, "ctid "" x" jsonb default '{}') tablespace ${id(odd.inPlace)};
    alter table ${table} owner to ${id(odd.owner)};
    insert into ${table} select n, 'Zeile ☃ ' || n from generate_series(1, 300) n;
    create index ${id('I "x"')} on ${table} ("é") tablespace pg_default;
    create unlogged table "Un logged" (id int generated always as identity);
    insert into "Un logged" default values;
    select lo_from_bytea(0, decode(repeat('ab', 9000), 'hex')) from generate_series(1, 3);
  `,
    odd.database,
  );
  // Apart: statements that are sent together are one transaction, and all of it would be prepared.
  await monster.sql(
    `begin; insert into ${table} values (1000, 'prepared, kept'); prepare transaction 'offen "1"'`,
    odd.database,
  );
  const accents = `create table "Zähler" (id int primary key, "größe" text); comment on table "Zähler" is 'Länge'; insert into "Zähler" values (1, 'ä')`;
  for (const database of ['latin1', 'built in', 'closed']) await monster.sql(accents, database);
  await withIcu();
  await monster.sql(`create table bytes (b text); insert into bytes values (E'\\xff\\xfe')`, 'ascii');
}

/** PostgreSQL can be built without ICU, and lists its collations all the same; where it is not, one more database sorts by it. */
async function withIcu(): Promise<void> {
  try {
    await monster.sql(`create database icu locale_provider icu icu_locale 'und' template template0`);
  } catch (error) {
    // feature_not_supported: "ICU is not supported in this build"
    if (codeOf(error) === '0A000') return;
    throw error;
  }
  await monster.sql(
    `create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
     create table sorted (t text collate loose primary key); insert into sorted values ('ä'), ('Z')`,
    'icu',
  );
}

async function lookInside(superuser: ReturnType<typeof sandboxConninfo>, directory: string): Promise<void> {
  await withConnection({ ...superuser, dbname: odd.database }, async (client) => {
    seen.largeObjects = (
      await client.query<object>(
        `select count(*)::int as objects, sum(length(lo_get(oid)))::int as bytes from pg_largeobject_metadata`,
      )
    ).rows[0]!;
    seen.prepared = (await client.query<object>('select gid, database from pg_prepared_xacts')).rows;
    seen.tablespaces = (
      await client.query<{ name: string }>(
        `select spcname as name from pg_tablespace where pg_tablespace_location(oid) <> '' order by 1`,
      )
    ).rows.map(({ name }) => name);
    seen.outside = (
      await client.query<{ inside: boolean }>(
        `select bool_and(starts_with(pg_tablespace_location(oid), $1) or pg_tablespace_location(oid) like 'pg_tblspc/%') as inside
           from pg_tablespace where oid > 16383`,
        [directory],
      )
    ).rows[0]!.inside;
    seen.control = (
      await client.query<object>(
        `select current_setting('wal_segment_size') as segment, current_setting('data_checksums') as checksums`,
      )
    ).rows[0]!;
  });
}

describe('a cluster with one of everything', () => {
  it('passes a drill of a full and an incremental backup, and every check was made', () => {
    const result = results.get('a1-_b')!;
    expect(result.checks.filter(({ status }) => status !== 'passed')).toEqual([]);
    expect(result.verdict).toBe('passed');
    expect(result.chain.map(({ type }) => type)).toEqual(['full', 'incremental']);
    const figures = result.checks.find(({ name }) => name === 'content')!.figures;
    // In seven databases: the table, three with accents, one of bytes; and the large objects of each.
    expect(figures).toMatchObject({ differing: 0, unproven: 0 });
    expect(figures['rows']).toBeGreaterThanOrEqual(300 + 3 + 1 + 3);
    expect(result.checks.find(({ name }) => name === 'unlogged')!.figures).toMatchObject({ tables: 1 });
  });

  it('came back with its large objects, prepared transactions, tablespaces and segment size, all inside the sandbox', () => {
    expect(seen.largeObjects).toEqual({ objects: 3, bytes: 27_000 });
    expect(seen.prepared).toEqual([{ gid: 'offen "1"', database: odd.database }]);
    expect(seen.tablespaces).toEqual([odd.inPlace, odd.tablespace].sort());
    expect(seen.outside).toBe(true);
    expect(seen.control).toEqual({ segment: '1MB', checksums: 'off' });
  });

  it('shows what differs in a database that is not UTF-8', async () => {
    const connection = { ...monster.patient.connection, user: odd.role };
    const dump = (): Promise<string> =>
      dumpSchema({ tools: monster.tools, connection, database: 'latin1', signal: new AbortController().signal });
    const before = await dump();
    expect(before).toContain(`COMMENT ON TABLE public."Zähler" IS 'Länge'`);
    await monster.sql(`comment on table "Zähler" is 'Lünge'`, 'latin1');
    expect(await dump()).not.toBe(before);
  });
});

it('a cluster of the next major version, with large WAL segments and a built-in collation, is drilled by the same worker', () => {
  const result = results.get('eighteen')!;
  expect(result.checks.filter(({ status }) => status !== 'passed')).toEqual([]);
  expect(result).toMatchObject({ verdict: 'passed', cluster: 'eighteen' });
  expect(result.checks.find(({ name }) => name === 'content')!.figures).toMatchObject({ rows: 500, differing: 0 });
});
