import { open } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { parseConninfo } from '../../../src/postgres/conninfo.js';
import { checkStructure } from '../../../src/proof/structure/structure.js';
import { checkVacuum } from '../../../src/proof/structure/vacuum.js';
import { checkVisibilityMap } from '../../../src/proof/structure/visibility-map.js';
import type { Check } from '../../../src/schema/results.js';
import { type TestCluster, startTestCluster } from '../../support/cluster.js';
import { makeScratch, removeScratch } from '../../support/scratch.js';
import { run } from '../proof-support.js';

const { signal } = new AbortController();
const pageHeaderBytes = 24;
let scratch: string;
let cluster: TestCluster;

async function structure(): Promise<Check & { notCompared: string[] }> {
  const connection = parseConninfo(cluster.conninfo());
  return await checkStructure({ tools: cluster.tools, connection, signal });
}

async function visibilityMap(): Promise<Check> {
  const connection = parseConninfo(cluster.conninfo());
  return await checkVisibilityMap({ connection, databases: ['postgres', 'varied'], signal });
}

/** Overwrites bytes of a relation's file while the server is down; gives back how to undo it. */
async function damage(
  relation: string,
  place: { fork?: string; offset: number; bytes: readonly number[] },
): Promise<() => Promise<void>> {
  const client = await cluster.connect({ dbname: 'varied' });
  const { rows } = await client.query<{ path: string }>(`select pg_relation_filepath($1::regclass) as path`, [
    relation,
  ]);
  await client.end();
  const write = async (bytes: Buffer): Promise<Buffer> => {
    await cluster.stop();
    const file = await open(join(cluster.dataDirectory, rows[0]!.path + (place.fork ?? '')), 'r+');
    const before = Buffer.alloc(bytes.length);
    await file.read(before, 0, bytes.length, place.offset);
    await file.write(bytes, 0, bytes.length, place.offset);
    await file.close();
    await cluster.start();
    return before;
  };
  const before = await write(Buffer.from(place.bytes));
  return async () => {
    await write(before);
  };
}

describe.each([17, 18] as const)('PostgreSQL %i', (major) => {
  beforeAll(async () => {
    scratch = await makeScratch();
    cluster = await startTestCluster(scratch, {
      major,
      settings: { autovacuum: 'off', max_prepared_transactions: '2' },
      // The damage is to be found by what the pages say, not by their checksums.
      initdbArgs: major === 18 ? ['--no-data-checksums'] : [],
    });
    await run(cluster, `create database varied`, 'postgres');
    for (const table of ['good', 'heap_damaged', 'index_damaged', 'vm_damaged', 'vm_beyond', 'toast_damaged']) {
      await run(
        cluster,
        `create table ${table} (id int primary key, txt text);
       alter table ${table} alter txt set storage external;
       insert into ${table} select i, repeat('x', 10 + i % 7) from generate_series(1, 2000) i;`,
      );
      await run(cluster, `vacuum (freeze) ${table}`);
    }
    await run(cluster, `update toast_damaged set txt = repeat('y', 5000) where id = 1`);
  });

  afterAll(async () => {
    await cluster.remove();
    await removeScratch(scratch);
  });

  describe('the check structure', () => {
    it('passes on a sound cluster', async () => {
      const check = await structure();
      expect(check).toMatchObject({ name: 'structure', status: 'passed', problems: [], figures: { broken: 0 } });
      expect(check.figures['relations']).toBeGreaterThan(100);
    });

    it.each([
      ['a line pointer of a heap page', 'heap_damaged', { offset: pageHeaderBytes, bytes: [0x01, 0x80, 0x02, 0x00] }],
      ['a whole heap page, overwritten', 'heap_damaged', { offset: 8192, bytes: Array<number>(8192).fill(0xa5) }],
      [
        'keys of an index page',
        'index_damaged_pkey',
        { offset: 8192 + 8192 - 16 - 160, bytes: Array<number>(120).fill(0x11) },
      ],
    ])('fails on %s', async (_, relation, place) => {
      const repair = await damage(relation, place);
      const check = await structure();
      await repair();
      expect(check.status).toBe('failed');
      expect(check.problems.map(({ object }) => object)).toContain(`varied.public.${relation}`);
      expect(await structure()).toMatchObject({ status: 'passed' });
    });

    it('fails on an index that lost entries, though the index itself is well-formed', async () => {
      // An index made while the catalog hides half of the rows from it: what a lost page leaves behind.
      await run(
        cluster,
        `create index partial on good (txt) where id % 2 = 0;
       update pg_index set indpred = null where indexrelid = 'partial'::regclass`,
      );
      const check = await structure();
      await run(cluster, `drop index partial`);
      expect(check).toMatchObject({ status: 'failed', problems: [{ object: 'varied.public.partial' }] });
      expect(check.problems[0]!.detail).toContain('lacks matching index tuple');
    });

    it('fails on rows that a unique index holds twice', async () => {
      await run(
        cluster,
        `create table twice (id int);
       insert into twice values (1), (1);
       create index twice_id on twice (id);
       update pg_index set indisunique = true where indexrelid = 'twice_id'::regclass`,
      );
      const check = await structure();
      await run(cluster, `drop table twice`);
      expect(check).toMatchObject({ status: 'failed', problems: [{ object: 'varied.public.twice_id' }] });
      expect(check.problems[0]!.detail).toContain('uniqueness is violated');
    });

    it('fails on a damaged root page of an index', async () => {
      // Many leaves below one root: it holds a key a leaf.
      await run(
        cluster,
        `create table tall as select i from generate_series(1, 5000) i; create index tall_i on tall (i)`,
      );
      const rootBlock = 3;
      const highestKeys = { offset: 8192 * rootBlock + 8192 - 16 - 80, bytes: Array<number>(60).fill(0x22) };
      const repair = await damage('tall_i', highestKeys);
      const check = await structure();
      await repair();
      await run(cluster, `drop table tall`);
      expect(check.status).toBe('failed');
      expect(check.problems.map(({ object }) => object)).toContain('varied.public.tall_i');
    });

    it('is unproven where a prepared transaction holds a table for itself, and waits for none that only writes', async () => {
      await run(cluster, `begin; insert into good values (-1, 'x'); prepare transaction 'writes'`);
      const beside = await structure();
      await run(cluster, `begin; lock table vm_beyond; prepare transaction 'holds'`);
      const locked = await structure();
      const connection = parseConninfo(cluster.conninfo());
      const vacuumed = await checkVacuum({ connection, databases: ['varied'], signal });
      await run(cluster, `rollback prepared 'writes'`);
      await run(cluster, `rollback prepared 'holds'`);
      expect(beside).toMatchObject({ status: 'passed' });
      expect(locked).toMatchObject({ status: 'unproven' });
      expect(locked.problems.map(({ object }) => object)).toContain('varied.public.vm_beyond');
      expect(vacuumed).toMatchObject({ status: 'unproven', problems: [{ object: 'varied.public.vm_beyond' }] });
    });

    it('says which indexes it could not check', async () => {
      await run(
        cluster,
        `create table places (p point, words tsvector, n int);
       insert into places select point(i, i), to_tsvector('simple', 'w' || i), i from generate_series(1, 500) i;
       create index on places using gist (p); create index on places using gist (p);
       create index on places using hash (n); create index on places using brin (n);
       create index places_words on places using gin (words)`,
      );
      const { status, notCompared } = await structure();
      await run(cluster, `drop table places`);
      expect(status).toBe('passed');
      const gin = major === 17 ? '1 gin indexes, ' : '';
      expect(notCompared).toEqual([`varied: structure of 1 brin indexes, ${gin}2 gist indexes, 1 hash indexes`]);
    });

    it.runIf(major === 18)('fails on a damaged GIN index', async () => {
      await run(
        cluster,
        `create table words (w text[]);
       insert into words select array['w' || i, 'v' || i] from generate_series(1, 3000) i;
       create index words_w on words using gin (w)`,
      );
      expect(await structure()).toMatchObject({ status: 'passed' });
      // A leaf page, keys and all.
      const repair = await damage('words_w', { offset: 8192 * 3 + 4096, bytes: Array<number>(3000).fill(0x33) });
      const check = await structure();
      await repair();
      await run(cluster, `drop table words`);
      expect(check).toMatchObject({ status: 'failed', problems: [{ object: 'varied.public.words_w' }] });
    });

    it('fails on a lost TOAST value', async () => {
      const client = await cluster.connect({ dbname: 'varied' });
      const { rows } = await client.query<{ toast: string }>(
        `select reltoastrelid::regclass::text as toast from pg_class where relname = 'toast_damaged'`,
      );
      await client.end();
      const repair = await damage(rows[0]!.toast, { offset: pageHeaderBytes, bytes: [0, 0, 0, 0] });
      const check = await structure();
      await repair();
      expect(check.status).toBe('failed');
      expect(check.problems.map(({ object }) => object)).toContain('varied.public.toast_damaged');
    });
  });

  describe('the check visibility map', () => {
    beforeAll(() => run(cluster, `delete from vm_damaged where id < 50`));

    it('passes on a sound cluster, and leaves no extension behind', async () => {
      const check = await visibilityMap();
      expect(check).toMatchObject({ name: 'visibility map', status: 'passed', problems: [], figures: { broken: 0 } });
      const client = await cluster.connect({ dbname: 'varied' });
      const { rows } = await client.query(
        `select extname from pg_extension where extname in ('pg_visibility', 'pageinspect')
       union all select nspname from pg_namespace where nspname like 'pgdrill%'`,
      );
      await client.end();
      expect(rows).toEqual([]);
    });

    it.each([
      ['a page called all-visible that holds deleted rows', 'vm_damaged', [0x01], 0, 'marked all-visible are not'],
      ['a page called all-frozen that holds deleted rows', 'vm_damaged', [0x03], 0, 'marked all-frozen are not'],
      ['bits far beyond the end', 'vm_beyond', [0x01], 100, "beyond the table's end"],
    ])('fails on %s', async (_, relation, bytes, mapByte, detail) => {
      const repair = await damage(relation, { fork: '_vm', offset: pageHeaderBytes + mapByte, bytes });
      const check = await visibilityMap();
      await repair();
      expect(check).toMatchObject({ status: 'failed', problems: [{ object: `varied.public.${relation}` }] });
      expect(check.problems[0]!.detail).toContain(detail);
      expect(await visibilityMap()).toMatchObject({ status: 'passed' });
    });

    it('fails on the bit of the very first page beyond the end', async () => {
      const client = await cluster.connect({ dbname: 'varied' });
      const { rows } = await client.query<{ pages: number }>(
        `select (pg_relation_size('vm_beyond') / 8192)::int as pages`,
      );
      await client.end();
      const pages = rows[0]!.pages;
      // The pages of the table itself stay marked as they are: all four bit pairs of a byte belong to this table's end.
      const inside = pages % 4;
      const byte = (0xff >> (8 - inside * 2)) | (1 << (inside * 2));
      const place = { fork: '_vm', offset: pageHeaderBytes + Math.floor(pages / 4), bytes: [byte] };
      const repair = await damage('vm_beyond', place);
      const check = await visibilityMap();
      await repair();
      expect(check).toMatchObject({ status: 'failed', problems: [{ object: 'varied.public.vm_beyond' }] });
    });

    it('is unproven where the role may not look', async () => {
      await run(cluster, `create role nobody_special login`);
      const connection = parseConninfo(cluster.conninfo({ user: 'nobody_special' }));
      const check = await checkVisibilityMap({ connection, databases: ['varied'], signal });
      expect(check).toMatchObject({ status: 'unproven', problems: [{ object: 'varied' }] });
    });
  });
});
