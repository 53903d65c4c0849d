import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compareContent } from '../../../src/proof/content/compare-content.js';
import { listNotCompared } from '../../../src/proof/content/coverage.js';
import type { ContentPolicy } from '../../../src/proof/content/content-policy.js';
import type { ClusterFingerprint } from '../../../src/proof/fingerprint-schema.js';
import { layoutsOf } from '../../../src/proof/content/relation-layouts.js';
import { judge } from '../../../src/proof/verdict.js';
import { type TestCluster, startTestCluster } from '../../support/cluster.js';
import { makeScratch, removeScratch } from '../../support/scratch.js';
import { readContent, run } from '../proof-support.js';
import { drillRole } from '../varied-database.js';

let scratch: string;
let cluster: TestCluster;

beforeAll(async () => {
  scratch = await makeScratch();
  cluster = await startTestCluster(scratch, { settings: { autovacuum: 'off' } });
  await run(cluster, `create database varied`, 'postgres');
  await run(cluster, drillRole);
  // One row a page: 4,000 blocks, 32 ranges of a sample.
  await run(
    cluster,
    `create table big (id int, txt text); alter table big alter txt set storage plain;
     insert into big select i, repeat('x', 5000) from generate_series(1, 4000) i;
     create table small as select i as id from generate_series(1, 100) i;
     create table log_1 as select 1 as id; create table log_2 as select 2 as id;
     analyze big;`,
  );
});

afterAll(async () => {
  await cluster.remove();
  await removeScratch(scratch);
});

async function read(
  policy: ContentPolicy,
  options: Parameters<typeof readContent>[1] = {},
): Promise<ClusterFingerprint> {
  const content = await readContent(cluster, { policy, ...options });
  return {
    formatVersion: 1,
    policy,
    takenAt: new Date().toISOString(),
    databases: [{ ...content, sequences: { lsn: '0/0', states: [], unreadable: [] }, schemaSql: '' }],
    globalsSql: '',
  };
}

/** The sandbox, as validation reads it. */
async function readAlike(source: ClusterFingerprint): Promise<ClusterFingerprint> {
  return await read(source.policy!, { layoutOf: layoutsOf(source, 'varied') });
}

describe('what is excluded', () => {
  it('is neither read nor missed, and is said in verdict, summary and evidence', async () => {
    const source = await read({ exclude: ['varied.public.log_*', 'varied.*.big'] });
    await run(cluster, `update log_1 set id = 7`);
    const check = compareContent(source, await readAlike(source));
    expect(check).toMatchObject({ status: 'passed', problems: [], figures: { tables: 3, excluded: 3 } });
    const reasons = judge([{ ...check, seconds: 0 }]).reasons.join(' ');
    expect(reasons).toMatch(
      /By its policy this covers nothing of 3 excluded tables \(about \d+\.\d MB by the catalog’s statistics\)\./,
    );
    expect(listNotCompared(source)).toHaveLength(3);
    expect(listNotCompared(source)[1]).toMatch(
      /^varied\.public\.log_1: excluded by the configuration \(varied\.public\.log_\*\)/,
    );
  });

  it('is said where a pattern matches nothing: more was read than meant, so the verdict stays', async () => {
    const source = await read({ exclude: ['varied.public.logg'] });
    expect(compareContent(source, await readAlike(source))).toMatchObject({
      status: 'passed',
      summary: expect.stringContaining('the pattern "varied.public.logg" excludes no table') as string,
    });
  });

  it('cannot be everything', async () => {
    const source = await read({ exclude: ['*.*.*'] });
    expect(compareContent(source, await readAlike(source))).toMatchObject({
      status: 'unproven',
      summary: expect.stringContaining('nothing was compared') as string,
    });
  });
});

describe('a sample', () => {
  const sample = { percent: 25, seed: 3 };

  it('reads its share of the big tables and all of the small ones, and says so in exact figures', async () => {
    const source = await read({ exclude: [], sample });
    const check = compareContent(source, await readAlike(source));
    // 8 of 32 ranges of 128 blocks, the last of which is short; 1 block each of small, log_1, log_2.
    expect(check).toMatchObject({ status: 'passed', figures: { blocks: 4003 } });
    expect(Number(check.figures['blocksRead'])).toBeGreaterThan(7 * 128);
    expect(Number(check.figures['blocksRead'])).toBeLessThanOrEqual(8 * 128 + 3);
    expect(check.figures['rows']).toBe(Number(check.figures['blocksRead']) - 3 + 102);
    expect(judge([{ ...check, seconds: 0 }]).reasons.join(' ')).toMatch(
      /covers a sample only: 1,0\d\d of 4,003 blocks \(2\d\.\d\d %; asked for 25 % with seed 3\)/,
    );
    expect(listNotCompared(source)).toEqual([
      expect.stringMatching(/^varied\.public\.big: \d,\d+ of 4,000 blocks are not in/),
    ]);
  });

  it('sees a difference inside of it, and no other', async () => {
    const source = await read({ exclude: [], sample });
    const { chosen = [] } = source.databases[0]!.relations.find(({ name }) => name === 'big')!.ranges!;
    const outside = Array.from({ length: 31 }, (_, number) => number).find((number) => !chosen.includes(number))!;
    const change = (range: number): Promise<void> => run(cluster, `delete from big where ctid = '(${range * 128},1)'`);
    await change(outside);
    expect(compareContent(source, await readAlike(source)).status).toBe('passed');
    await change(chosen[0]!);
    expect(compareContent(source, await readAlike(source))).toMatchObject({
      status: 'failed',
      problems: [{ object: 'varied.public.big' }],
    });
  });
});

describe('a snapshot that has reached its longest age', () => {
  it('leaves the rest unread: unproven, and listed', async () => {
    const everything = { exclude: [] };
    const late = await read(everything, { deadline: performance.now() - 1 });
    const check = compareContent(late, await readAlike(late));
    expect(check).toMatchObject({ status: 'unproven', figures: { unproven: 6 } });
    expect(check.problems[0]!.detail).toContain('longest age');
    expect(listNotCompared(late)).toContain('varied.public.small: not read within snapshot_timeout');
  });

  it('ends a statement that runs when it does', async () => {
    await run(cluster, `create table long as select repeat('x', 100) as t from generate_series(1, 3000000) i`);
    const source = await read(
      { exclude: ['varied.public.big'] },
      { deadline: performance.now() + 200, leastBlocks: 1e9 },
    );
    await run(cluster, `drop table long`);
    expect(source.databases[0]!.relations.find(({ name }) => name === 'long')).toMatchObject({
      unreadable: { code: 'SNAPSHOT_TIMEOUT' },
    });
  });
});
