import { open } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { parseConninfo } from '../../../src/postgres/conninfo.js';
import { checkIndexReads } from '../../../src/proof/indexes/index-reads.js';
import { type TestCluster, startTestCluster } from '../../support/cluster.js';
import { makeScratch, removeScratch } from '../../support/scratch.js';
import { run } from '../proof-support.js';
import { drillRole, variedDatabase } from '../varied-database.js';

const pageHeaderBytes = 24;

describe.each([17, 18] as const)('the check index reads, on PostgreSQL %i', (major) => {
  let scratch: string;
  let cluster: TestCluster;

  beforeAll(async () => {
    scratch = await makeScratch();
    cluster = await startTestCluster(scratch, {
      major,
      settings: { autovacuum: 'off' },
      // Else version 18, which has them on by default, zeroes the pages that these tests forge.
      initdbArgs: major === 18 ? ['--no-data-checksums'] : [],
    });
    await run(cluster, `create database varied`, 'postgres');
    await run(cluster, drillRole);
    await run(cluster, variedDatabase);
    await run(
      cluster,
      `create extension pg_trgm;
       create table things (
         id int primary key, txt text, tags text[], doc jsonb, words tsvector, area box not null, span int4range, spot point, n numeric
       );
       insert into things
       select i, nullif('text ' || i % 700, 'text 5'), array['a', 'b' || i], jsonb_build_object('k', i), to_tsvector('simple', 'w' || i),
              box(point(i, i), point(i + 1, i + 1)), int4range(i, i + 3), point(i, i), i / 3.0
       from generate_series(1, 3000) i;
       create unique index things_twice on things (id);
       create index things_text on things (txt, id) include (n);
       create index things_lower on things (lower(txt));
       create index things_part on things (n desc) where id % 2 = 0 and txt is not null;
       create index things_hash on things using hash (txt);
       create index things_hash_of on things using hash (lower(txt)) where id > 10;
       create index things_area on things using gist (area);
       create index things_center on things using gist (circle(spot, 2));
       create index things_span on things using spgist (span);
       create index things_tags on things using gin (tags);
       create index things_doc on things using gin (doc jsonb_path_ops);
       create index things_words on things using gin (words);
       create index things_like on things using gin (txt gin_trgm_ops);
       create index things_brin on things using brin (n);`,
    );
  });

  afterAll(async () => {
    await cluster.remove();
    await removeScratch(scratch);
  });

  function read(): ReturnType<typeof checkIndexReads> {
    return checkIndexReads({
      connection: parseConninfo(cluster.conninfo()),
      databases: ['postgres', 'varied'],
      connections: 2,
      signal: new AbortController().signal,
    });
  }

  it('passes on sound indexes, of every kind, and says how each was read', async () => {
    const { check, notRead } = await read();
    expect(check).toMatchObject({ name: 'index reads', status: 'passed', problems: [] });
    // 4 B-trees of things, the keys of varied and pairs, the large objects' two in each database; GiST and SP-GiST that give values back.
    expect(check.figures).toMatchObject({
      indexes: 21,
      indexOnly: 12,
      indexScan: 9,
      notRead: 0,
      invalid: 0,
      broken: 0,
    });
    expect(notRead).toEqual([]);
    expect(check.summary).toContain('21 indexes return what their tables hold (12 index-only, 9 by index scan)');
  });

  it('says which indexes it cannot read, and does not count invalid ones', async () => {
    await run(
      cluster,
      `create extension bloom;
       create index things_bloom on things using bloom (id);
       create index things_off on things (n);
       update pg_index set indisvalid = false where indexrelid = 'things_off'::regclass`,
    );
    const { check, notRead } = await read();
    await run(cluster, `drop index things_off; drop extension bloom cascade`);
    expect(check).toMatchObject({ status: 'passed', figures: { notRead: 1, invalid: 1 } });
    expect(notRead).toEqual([
      'varied.public.things_bloom, read through the index: the planner cannot read this bloom index in full',
    ]);
  });

  it.each([
    ['a B-tree', '(txt)', 'index-only scan returns 1500 rows, its table holds 3000'],
    ['a B-tree of an expression', '(upper(txt))', 'index scan returns'],
    ['a hash index', 'using hash (n)', 'index scan returns 1500 rows, its table holds 3000'],
    ['a GiST index', 'using gist (spot)', 'index-only scan returns 1500 rows'],
    ['an SP-GiST index', 'using spgist (txt)', 'index-only scan returns 1500 rows'],
    ['a GIN index', 'using gin (tags)', 'index scan returns 1500 rows, its table holds 3000'],
  ])('fails on %s that lost entries', async (_, definition, detail) => {
    // Made while the catalog hides half of the rows from it: what lost pages leave behind.
    await run(
      cluster,
      `create index things_lossy on things ${definition} where id % 2 = 0;
       update pg_index set indpred = null where indexrelid = 'things_lossy'::regclass`,
    );
    const { check } = await read();
    await run(cluster, `drop index things_lossy`);
    expect(check).toMatchObject({ status: 'failed', problems: [{ object: 'varied.public.things_lossy' }] });
    expect(check.problems[0]!.detail).toContain(detail);
    expect((await read()).check.status).toBe('passed');
  });

  it('fails on an index that missed one update', async () => {
    await run(
      cluster,
      `create table moved (id int, k int); insert into moved select i, i from generate_series(1, 100) i;
       create index moved_k on moved (k);
       update pg_index set indisready = false where indexrelid = 'moved_k'::regclass`,
    );
    await run(cluster, `update moved set k = -1 where id = 50`);
    await run(cluster, `update pg_index set indisready = true where indexrelid = 'moved_k'::regclass`);
    const { check } = await read();
    await run(cluster, `drop table moved`);
    expect(check).toMatchObject({ status: 'failed', problems: [{ object: 'varied.public.moved_k' }] });
  });

  it('fails on an index that holds other values than its table', async () => {
    // An entry inside the index page says 155 where the table says 154.
    await run(
      cluster,
      `create table valued (k int); insert into valued select i * 2 from generate_series(1, 100) i; create index valued_k on valued (k)`,
    );
    await run(cluster, `vacuum (freeze) valued`);
    const path = await pathOf('valued_k');
    await cluster.stop();
    const file = await open(join(cluster.dataDirectory, path), 'r+');
    const page = Buffer.alloc(8192);
    await file.read(page, 0, 8192, 8192);
    // An index tuple of one int4: 8 bytes of header, then the key.
    const at = page.lastIndexOf(Buffer.from([154, 0, 0, 0]));
    page.writeInt32LE(155, at);
    await file.write(page, 0, 8192, 8192);
    await file.close();
    await cluster.start();
    const { check } = await read();
    await run(cluster, `drop table valued`);
    expect(check).toMatchObject({ status: 'failed', problems: [{ object: 'varied.public.valued_k' }] });
    expect(check.problems[0]!.detail).toBe(
      'an index-only scan returns as many rows as its table holds (100), but others',
    );
  });

  it('fails on a visibility map that makes an index-only scan return deleted rows', async () => {
    await run(cluster, `create table stale (id int primary key); insert into stale select generate_series(1, 100)`);
    await run(cluster, `vacuum (freeze) stale`);
    await run(cluster, `delete from stale where id <= 5`);
    const path = await pathOf('stale');
    await cluster.stop();
    const file = await open(join(cluster.dataDirectory, `${path}_vm`), 'r+');
    await file.write(Buffer.from([0x01]), 0, 1, pageHeaderBytes);
    await file.close();
    await cluster.start();
    const { check } = await read();
    await run(cluster, `drop table stale`);
    expect(check).toMatchObject({
      status: 'failed',
      problems: [
        { object: 'varied.public.stale_pkey', detail: 'an index-only scan returns 100 rows, its table holds 95' },
      ],
    });
  });

  it('fails on an index whose pages cannot be read', async () => {
    await run(cluster, `create table torn (id int primary key); insert into torn select generate_series(1, 2000)`);
    const path = await pathOf('torn_pkey');
    await cluster.stop();
    const file = await open(join(cluster.dataDirectory, path), 'r+');
    await file.write(Buffer.alloc(8192, 0xa5), 0, 8192, 3 * 8192);
    await file.close();
    await cluster.start();
    const { check } = await read();
    await run(cluster, `drop table torn`);
    expect(check).toMatchObject({ status: 'failed', problems: [{ object: 'varied.public.torn_pkey' }] });
    expect(check.problems[0]!.detail).toContain('cannot be read');
  });

  it('leaves the catalog as it was', async () => {
    const client = await cluster.connect({ dbname: 'varied' });
    const catalog = `select (select array_agg(i::text order by indexrelid) from pg_index i) as indexes,
      (select array_agg(a.attname || a.attnotnull order by attrelid, attnum) from pg_attribute a) as columns`;
    const before = await client.query(catalog);
    await read();
    const after = await client.query(catalog);
    await client.end();
    expect(after.rows).toEqual(before.rows);
  });

  async function pathOf(relation: string): Promise<string> {
    const client = await cluster.connect({ dbname: 'varied' });
    const { rows } = await client.query<{ path: string }>(`select pg_relation_filepath($1::regclass) as path`, [
      relation,
    ]);
    await client.end();
    return rows[0]!.path;
  }
});
