import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { bySize, findCandidates, nameOf } from '../../src/candidates/find-candidates.js';
import { connect } from '../../src/postgres/connection.js';
import { checkBadStatement } from '../../src/proof/bad-statement.js';
import { removeSandbox, sandboxConninfo } from '../../src/restore/sandbox.js';
import { readFacts } from '../../src/scenarios/facts.js';
import type { Candidate } from '../../src/schema/candidate.js';
import { column, type Restored, restoreTo } from '../restore/restore-support.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';

// A busy server on which everything happens that takes rows away, and what only looks like it.
let shop: ProtectedCluster;
let found: Candidate[];
/** How many small deletes the load had committed before the large one began. */
let smallBefore: number;
const { signal } = new AbortController();

async function find(change: { leastRows?: number; xid?: number; since?: Date } = {}): Promise<Candidate[]> {
  const place = { repository: shop.repository, walDirectory: shop.patient.walDirectory };
  const facts = await readFacts(shop.tools, { ...place, signal });
  const search = { ...place, facts, since: new Date(0), leastRows: 1_000, source: shop.admin, signal };
  return await findCandidates(shop.tools, { ...search, ...change });
}

beforeAll(async () => {
  shop = await protectCluster({ settings: { autovacuum: 'off' } });
  await shop.sql(`
    create schema sales;
    create table sales.orders (id int primary key, body text);
    insert into sales.orders select n, repeat('x', 200) from generate_series(1, 30000) n;
    create table nested (id int);
    insert into nested select generate_series(1, 2000);
    create table emptied (id int primary key, body text);
    insert into emptied select n, 'y' from generate_series(1, 5000) n;
    create table dropped (id int primary key, body text);
    insert into dropped select n, 'z' from generate_series(1, 3000) n;
    create table rewritten (id int primary key);
    insert into rewritten select generate_series(1, 2000);
    create materialized view seen as select * from nested;
    create table hollow (id int);
    create table busy (id int primary key);
    insert into busy select generate_series(1, 100000);
    analyze;
  `);
  await shop.backup('full');
  const load = await connect(shop.admin);
  let [going, gone] = [true, 0];
  const work = (async () => {
    while (going) await load.query('delete from busy where id = $1', [++gone]);
    await load.end();
  })();
  const bad = await connect(shop.admin);
  const busy = async (): Promise<void> => {
    for (const target = gone + 20; gone < target;) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await busy();
  smallBefore = gone - 1; // the last one may not have committed yet
  await bad.query('delete from sales.orders where id <= 20000');
  await busy();
  await bad.query(`
    begin; delete from nested where id <= 700; savepoint a; delete from nested where id > 1200; commit;
    begin; delete from rewritten; rollback;
  `);
  await busy();
  await bad.query('truncate emptied');
  await bad.query('drop table dropped');
  await bad.query('vacuum full rewritten');
  await bad.query('alter table rewritten alter id type bigint');
  await bad.query('reindex table rewritten');
  await bad.query('refresh materialized view seen');
  await bad.query(
    'begin; create table passing (id int); insert into passing select generate_series(1, 1500); delete from passing; drop table passing; commit',
  );
  await bad.query('create table young (id int)');
  await bad.query('insert into young select generate_series(1, 1500)');
  await bad.query('delete from young');
  await bad.query('update sales.orders set body = body');
  await bad.query('create database other');
  await bad.query('drop database other');
  await busy();
  going = false;
  await work;
  await bad.end();
  await shop.archive();
  found = await find();
});
afterAll(() => shop.remove());

const told = ({ kind, relations }: Candidate): unknown => [kind, ...relations.map((each) => [nameOf(each), each.rows])];

describe('candidates for the statement that went wrong', () => {
  it('are what took much away, with table and rows, and nothing else', () => {
    expect(found.map(told)).toEqual([
      ['delete', ['sales.orders in postgres', 20_000]],
      ['delete', ['public.nested in postgres', 1_500]],
      ['truncate', ['public.emptied in postgres', undefined]],
      ['drop', ['public.dropped in postgres', undefined]],
      ['delete', ['public.young in postgres', 1_500]],
      ['update', ['sales.orders in postgres', 10_000]],
      ['drop database', [expect.stringMatching(/database with oid/), undefined]],
    ]);
    expect(found.every(({ committedAt }) => Math.abs(Date.now() - Date.parse(committedAt)) < 600_000)).toBe(true);
    const pages = found[0]?.relations[0]?.bytes ?? 0;
    expect(pages / 8_192).toBeGreaterThan(400);
    expect(found[2]?.relations[0]?.bytes).toBeGreaterThan(8_192);
  });

  it('come with the largest first, destroyed before changed', () => {
    const kinds = bySize(found).map(({ kind }) => kind);
    expect([kinds[0], kinds[1], kinds.at(-1)]).toEqual(['drop database', 'delete', 'update']);
    expect(bySize(found)[1]).toBe(found[0]);
  });

  it('are found by their transaction, however small, and by time', async () => {
    const small = (await find({ leastRows: 1 })).find(
      ({ relations }) => nameOf(relations[0]!) === 'public.busy in postgres',
    )!;
    expect(await find({ xid: small.xid })).toEqual([small]);
    expect(await find({ since: new Date(Date.now() + 60_000) })).toEqual([]);
  });

  describe('restored to just before the large delete', () => {
    let restored: Restored;
    beforeAll(async () => {
      restored = await restoreTo(shop, `before-xid=${found[0]!.xid}`);
    });
    afterAll(() => removeSandbox(shop.tools, restored.sandbox));

    it('has the rows, and all that was committed before', async () => {
      expect(restored.plan.target).toMatchObject({
        lsn: found[0]!.lsn,
        settings: { recovery_target_lsn: found[0]!.lsn, recovery_target_inclusive: 'off' },
      });
      expect(await column(restored.sandbox, 'select count(*) from sales.orders')).toEqual(['30000']);
      const [left] = await column(restored.sandbox, 'select count(*) from busy');
      expect(Number(left)).toBeLessThanOrEqual(100_000 - smallBefore);
    });

    it('is seen to be before it; one that comes later is seen to be undone, one that came earlier not', async () => {
      const check = (statement: Candidate) => checkBadStatement(statement, sandboxConninfo(restored.sandbox), signal);
      expect(await check(found[0]!)).toMatchObject({ status: 'passed', figures: { rows: 30_000 } });
      expect(await check(found[3]!)).toMatchObject({ status: 'passed', figures: { rows: 3_000 } });
      const earlier = (await find({ leastRows: 1 }))[0]!;
      expect(await check(earlier)).toMatchObject({
        status: 'failed',
        problems: [{ detail: 'it is committed in what was restored' }],
      });
      const gone = { ...found[0]!, relations: [{ ...found[0]!.relations[0]!, filenode: 99_999 }] };
      expect(await check(gone)).toMatchObject({ status: 'failed', problems: [{ detail: 'it is not there' }] });
      const more = { ...found[0]!, relations: [{ ...found[0]!.relations[0]!, rows: 30_001 }] };
      expect(await check(more)).toMatchObject({ status: 'failed' });
      // How many rows a truncate took, the WAL does not tell: of an empty table nobody knows, unless there never was anything in it.
      const [filenode] = await column(restored.sandbox, `select pg_relation_filenode('hollow')`);
      const { tablespace, database } = found[0]!.relations[0]!;
      const emptied = (bytes?: number): Candidate => ({
        ...found[0]!,
        relations: [{ tablespace, database, filenode: Number(filenode), ...(bytes === undefined ? {} : { bytes }) }],
      });
      expect(await check(emptied())).toMatchObject({ status: 'passed' });
      expect(await check(emptied(8_192))).toMatchObject({
        status: 'unproven',
        problems: [
          { detail: expect.stringContaining('it is empty, and had 8.2 kB in the newest full backup') as string },
        ],
      });
    });
  });
});
