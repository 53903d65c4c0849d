import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RelationFingerprint } from '../../../src/proof/fingerprint-schema.js';
import { rowHash } from '../../../src/proof/content/column-hash.js';
import { fingerprintDatabase, type FingerprintProgress } from '../../../src/proof/content/fingerprint.js';
import { type TestCluster, startTestCluster } from '../../support/cluster.js';
import { makeScratch, removeScratch } from '../../support/scratch.js';
import { asDrill, checkContent, readContent, run } from '../proof-support.js';
import { drillRole, variedDatabase } from '../varied-database.js';

let scratch: string;
let cluster: TestCluster;

beforeAll(async () => {
  scratch = await makeScratch();
  cluster = await startTestCluster(scratch);
  await run(cluster, `create database varied`, 'postgres');
  await run(cluster, drillRole);
  await run(cluster, variedDatabase);
});

afterAll(async () => {
  await cluster.remove();
  await removeScratch(scratch);
});

describe('the fingerprint of a database', () => {
  it('lists everything that holds content, and says what it leaves out', async () => {
    const content = await readContent(cluster);
    expect(content.relations.filter(({ unreadable, changed }) => unreadable ?? changed)).toEqual([]);
    expect(content.relations.map(({ schema, name }) => `${schema}.${name}`)).toEqual([
      `Odd "schema".a table; with 'quotes'`,
      'Odd "schema".r',
      'pg_catalog.pg_largeobject',
      'pg_catalog.pg_largeobject_metadata',
      'public.child',
      'public.measured_new',
      'public.measured_old',
      'public.no_columns',
      'public.no_rows',
      'public.pairs',
      'public.parent',
      'public.toasted',
      'public.totals',
      'public.varied',
    ]);
    const find = (name: string): RelationFingerprint => content.relations.find((relation) => relation.name === name)!;
    expect(find('varied')).toMatchObject({ kind: 'table', rows: '200', method: 'text' });
    expect(find('pairs')).toMatchObject({ kind: 'table', rows: '20', method: 'record' });
    expect(find('totals')).toMatchObject({ kind: 'materialized view', rows: '1' });
    expect(find('pg_largeobject')).toMatchObject({ kind: 'large objects', rows: '3', method: 'record' });
    expect(find('parent')).toMatchObject({ rows: '1' });
    expect(find('no_columns')).toMatchObject({ rows: '2' });
    expect(find('toasted').sizeBytes).toBeGreaterThan(100_000);
    expect(content.unlogged).toEqual([{ schema: 'public', name: 'scratchpad', empty: false }]);
    expect(content.notCompared).toEqual([
      'public.far_away: a foreign table: its rows are kept elsewhere',
      'public.unfilled: a materialized view that is not populated',
    ]);
  });

  it('tells how far it is', async () => {
    const seen: FingerprintProgress[] = [];
    await fingerprintDatabase({
      connection: asDrill(cluster),
      database: 'varied',
      connections: 3,
      signal: new AbortController().signal,
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen.map(({ relationsDone }) => relationsDone)).toEqual(seen.map((_, index) => index + 1));
    expect(seen.at(-1)!.relationsDone).toBe(seen.at(-1)!.relationsTotal);
    expect(seen.at(-1)!.doneBytes).toBe(seen.at(-1)!.totalBytes);
  });

  it('does not depend on the order of rows, nor on where they lie', async () => {
    const before = await readContent(cluster);
    await run(cluster, `update varied set id = id where id % 3 = 0; update pairs set id = id where id < 10`);
    await run(cluster, `cluster varied using varied_pkey`);
    await run(cluster, `vacuum full pairs`);
    expect(checkContent(before, await readContent(cluster))).toMatchObject({ status: 'passed', problems: [] });
  });

  it.each([
    ['one changed value', `update varied set txt = 'text 8' where id = 7`, 'varied', 'different content'],
    ['one deleted row', `delete from varied where id = 7`, 'varied', 'rows 200 -> 199'],
    ['one added row', `insert into pairs (id) values (99)`, 'pairs', 'rows 20 -> 21'],
    [
      'a row that came twice for one that is gone',
      `update pairs p set (id, a, b) = (select id + 100, 1, 3) where id = 2`,
      'pairs',
    ],
    ['a row in a partition', `update measured set value = -1 where at = '2024-12-03'`, 'measured_old'],
    ['a row of an inheritance parent', `update only parent set name = 'x'`, 'parent'],
    ['a row of an inheritance child', `update child set extra = 4`, 'child'],
    ['a page of a large object', `select lo_put(4711, 4000, '\\x00')`, 'pg_largeobject'],
    ['the owner of a large object', `alter large object 4711 owner to drill`, 'pg_largeobject_metadata'],
    [
      'a value far out in TOAST',
      `update toasted set long = overlay(long placing 'y' from 15000) where id = 3`,
      'toasted',
    ],
    ['a field inside a composite', `update varied set comp.qty = 0 where id = 9`, 'varied'],
    [
      'a json inside a composite inside an array',
      `update varied set comps = array[row('t', id, '[ ]')::part] where id = 9`,
      'varied',
    ],
    ['values exchanged between two columns', `update pairs set a = b, b = a where id = 5`, 'pairs'],
    [
      'values exchanged between two rows',
      `update pairs set b = case id when 1 then 6 else 3 end where id in (1, 2)`,
      'pairs',
    ],
    ['null for an empty string', `update pairs set txt = '' where id = 1`, 'pairs'],
    ['1.00 for numeric 1.0, which are equal', `update pairs set n = 1.00 where id = 1`, 'pairs'],
    ['1.00 for 1.0 inside jsonb', `update pairs set jb = '1.00' where id = 1`, 'pairs'],
    ['30 days for one month, which are equal', `update pairs set iv = '30 days' where id = 1`, 'pairs'],
    ['-0 for 0', `update pairs set f8 = '-0' where id = 1`, 'pairs'],
    ['2^32 for 1, which hash alike', `update pairs set big = 4294967296 where id = 1`, 'pairs'],
    ['white space in json', `update pairs set j = '{"a": 1}' where id = 1`, 'pairs'],
    ['the lower bound of an array', `update pairs set arr = '[0:1]={1,2}' where id = 1`, 'pairs'],
    ['a refreshed materialized view', `refresh materialized view totals`, 'totals'],
    [
      'a table with odd names',
      `update "Odd ""schema"""."a table; with 'quotes'" set "a ""b"" c" = 4`,
      "a table; with 'quotes'",
    ],
    ['a table named like our own alias', `update "Odd ""schema""".r set r = 2`, 'r'],
    ['a row without columns', `insert into no_columns default values`, 'no_columns', 'rows 2 -> 3'],
    ['a new table', `create table brand_new ()`, 'brand_new', 'not there on the source'],
    ['a dropped table', `drop table brand_new`, 'brand_new', 'is missing'],
  ])('shows %s', async (_, sql, relation, detail = 'different content') => {
    const before = await readContent(cluster);
    await run(cluster, sql);
    const check = checkContent(before, await readContent(cluster));
    expect(check.status).toBe('failed');
    expect(check.problems.map(({ object }) => object)).toEqual([expect.stringMatching(`\\.${relation}$`)]);
    expect(check.problems[0]!.detail).toContain(detail);
  });

  // A sum that is linear in the columns sees one in three, so a single exchange would say little.
  it('shows every exchange of values between two rows', async () => {
    const client = await cluster.connect();
    const sumOf = (rows: string): string => `(select sum(${rowHash('r.a, r.b')}) from (values ${rows}) r (a, b))`;
    const { rows } = await client.query(
      `select count(*)::int as unseen from generate_series(1, 1000) i
       where ${sumOf('(1, i), (2, i * 13)')} = ${sumOf('(1, i * 13), (2, i)')}`,
    );
    await client.end();
    expect(rows).toEqual([{ unseen: 0 }]);
  });

  it.each([
    ['LATIN1', `convert_from('\\xe9', 'LATIN1')`],
    ['SQL_ASCII', `convert_from('\\xe9', 'SQL_ASCII')`], // no valid UTF-8: nothing may try to convert it
    ['EUC_JP', `convert_from('\\xb4c1', 'EUC_JP')`],
  ])('reads a database encoded in %s', async (encoding, letter) => {
    const database = `in "${encoding}" it's`;
    const table = encoding === 'LATIN1' ? '"é"' : '"漢"';
    const quoted = `"${database.replaceAll('"', '""')}"`;
    await run(cluster, `create database ${quoted} encoding '${encoding}' template template0`, 'postgres');
    await run(
      cluster,
      `create table ${table} (t text, j json, jb jsonb);
       insert into ${table}
       select l, ('"' || l || '"')::json, ('"' || l || '"')::jsonb from (select ${letter}) as letter (l);`,
      database,
    );
    const before = await readContent(cluster, { database });
    expect(checkContent(before, await readContent(cluster, { database }))).toMatchObject({ status: 'passed' });
    await run(cluster, `update ${table} set t = t || 'x'`, database);
    expect(checkContent(before, await readContent(cluster, { database }))).toMatchObject({ status: 'failed' });
  });

  it('leaves no session and no lock behind', async () => {
    await readContent(cluster);
    const client = await cluster.connect();
    const { rows } = await client.query(
      `select count(*)::int as left from pg_stat_activity where usename = 'drill'
         and backend_start < clock_timestamp() - interval '2 s' and backend_type = 'client backend'`,
    );
    await client.end();
    expect(rows).toEqual([{ left: 0 }]);
  });
});
