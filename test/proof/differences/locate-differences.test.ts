import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { compareFingerprints } from '../../../src/proof/compare.js';
import type { ClusterFingerprint } from '../../../src/proof/fingerprint-schema.js';
import { locateDifferences } from '../../../src/proof/differences/locate-differences.js';
import { layoutsOf } from '../../../src/proof/content/relation-layouts.js';
import type { Check } from '../../../src/schema/results.js';
import { type TestCluster, startTestCluster } from '../../support/cluster.js';
import { makeScratch, removeScratch } from '../../support/scratch.js';
import { copyCluster } from '../copied-cluster.js';
import { asDrill, readContent, run } from '../proof-support.js';
import { drillRole } from '../varied-database.js';

let scratch: string;
let source: TestCluster;
let copy: TestCluster;
let atFence: ClusterFingerprint;
let snapshot: string;

beforeAll(async () => {
  scratch = await makeScratch();
  source = await startTestCluster(scratch, { settings: { autovacuum: 'off' } });
  await run(source, `create database varied`, 'postgres');
  await run(source, drillRole);
});

beforeEach(async () => {
  await run(
    source,
    `create table people (id int primary key, name text) with (fillfactor = 50);
     insert into people select i, 'secret ' || i from generate_series(1, 5000) i;
     create table unnamed as select i as id from generate_series(1, 10) i;`,
  );
});

afterEach(async () => {
  await copy.remove();
  await run(source, `drop table people, unnamed`);
});

afterAll(async () => {
  await source.remove();
  await removeScratch(scratch);
});

let copies = 0;

/** From here on source and copy go their own ways. */
async function makeCopy(): Promise<void> {
  await source.stop();
  copy = await copyCluster(source, scratch, `copy-${++copies}`);
  await source.start();
  await copy.start();
}

async function takeFence(): Promise<void> {
  atFence = wholeOf(await readContent(source, { leastBlocks: 4 }));
  const client = await source.connect({ dbname: 'varied' });
  const { rows } = await client.query<{ snapshot: string }>(`select pg_current_snapshot()::text as snapshot`);
  await client.end();
  snapshot = rows[0]!.snapshot;
}

async function fence(): Promise<void> {
  await takeFence();
  await makeCopy();
}

function wholeOf(content: Awaited<ReturnType<typeof readContent>>): ClusterFingerprint {
  return {
    formatVersion: 1,
    takenAt: new Date().toISOString(),
    databases: [{ ...content, sequences: { lsn: '0/0', states: [], unreadable: [] }, schemaSql: '' }],
    globalsSql: '',
  };
}

async function locate(keys?: number): Promise<Check> {
  const restored = wholeOf(await readContent(copy, { layoutOf: layoutsOf(atFence, 'varied') }));
  const check = compareFingerprints(atFence, restored).find(({ name }) => name === 'content')!;
  return await locateDifferences(check, {
    source: atFence,
    restored,
    snapshots: [{ database: 'varied', snapshot }],
    sourceConnection: asDrill(source),
    sandboxConnection: asDrill(copy),
    keys,
    signal: new AbortController().signal,
  });
}

describe('where a table differs', () => {
  it('is told by blocks and by the keys of the rows, and by nothing else of them', async () => {
    await fence();
    await run(
      copy,
      `update people set name = 'wrong' where id = 7;
       delete from people where id = 4000;
       insert into people values (9999, 'secret extra')`,
    );
    const { problems } = await locate();
    expect(problems).toHaveLength(1);
    expect(problems[0]!.object).toBe('varied.public.people');
    expect(problems[0]!.detail).toMatch(
      /^same row count \(5000\), different content; in blocks 0-3, \d+-\d+(, (from )?\d+( on|-\d+))? \([23] of \d+ ranges\); id=7 differs, id=4000 is missing, id=9999 is extra$/,
    );
    expect(problems[0]!.detail).not.toMatch(/secret|wrong/);
  });

  it('names rows by their place where they have no key, and only so many', async () => {
    await fence();
    await run(copy, `delete from unnamed where id > 4; delete from people where id <= 20`);
    const { problems } = await locate(3);
    const detail = (name: string): string => problems.find(({ object }) => object === `varied.public.${name}`)!.detail;
    expect(detail('unnamed')).toBe(
      'rows 10 -> 4; ctid (0,5) is missing, ctid (0,6) is missing, ctid (0,7) is missing and 3 more rows',
    );
    expect(detail('people')).toContain('id=1 is missing, id=2 is missing, id=3 is missing and 17 more rows');
  });

  it('is still told when the source has moved on, and what cannot be told is counted', async () => {
    await fence();
    await run(copy, `delete from people where id in (3, 4, 5)`);
    await run(source, `update people set name = 'newer' where id in (4, 6); delete from people where id = 5`);
    await run(source, `vacuum (freeze) people`);
    const { problems } = await locate();
    expect(problems[0]!.detail).toContain('id=3 is missing; 3 rows there have changed on the source since');
    expect(problems[0]!.detail).not.toMatch(/id=[456]/);
  });

  it('does not take for missing what was not yet committed at the fence, in a subtransaction or not', async () => {
    await makeCopy();
    const writer = await source.connect({ dbname: 'varied' });
    await writer.query(
      `begin; insert into people values (6001, ''); savepoint s; insert into people values (6002, ''); release s`,
    );
    // A later transaction that has ended: the subtransaction's id is below the snapshot's xmax and not in its list.
    await run(source, `select pg_current_xact_id()`);
    await takeFence();
    await writer.query('commit');
    await writer.end();
    await run(copy, `delete from people where id = 1`);
    const { problems } = await locate();
    expect(problems[0]!.detail).toMatch(/id=1 is missing$/);
  });

  it('cannot be told by rows where the source has rewritten the table since', async () => {
    await fence();
    await run(copy, `delete from people where id = 1`);
    await run(source, `vacuum full people`);
    expect((await locate()).problems[0]!.detail).toContain('rewritten or altered the table since');
  });

  it('is told by blocks alone where the source is gone', async () => {
    await fence();
    await run(copy, `delete from people where id = 1`);
    await source.stop();
    const { problems } = await locate();
    await source.start();
    expect(problems[0]!.detail).toMatch(/rows 5000 -> 4999; in blocks 0-3 .*; the source cannot say which rows: /);
  });
});
