import { readFile } from 'node:fs/promises';

import { execaSync } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ContentFingerprint } from '../../../src/proof/content/fingerprint.js';
import type { RelationFingerprint } from '../../../src/proof/fingerprint-schema.js';
import { toolEnvironment, toolPath } from '../../../src/toolchain/postgres-tools.js';
import { type TestCluster, startTestCluster } from '../../support/cluster.js';
import { makeScratch, removeScratch } from '../../support/scratch.js';
import { checkContent, readContent, run } from '../proof-support.js';
import { drillRole } from '../varied-database.js';

let scratch: string;
let cluster: TestCluster;

beforeAll(async () => {
  scratch = await makeScratch();
  cluster = await startTestCluster(scratch, {
    settings: { log_statement: 'all', log_line_prefix: '%p ', autovacuum: 'off' },
  });
  await run(cluster, `create database varied`, 'postgres');
  await run(cluster, drillRole);
  await run(
    cluster,
    `create table big as select i as id, repeat('x', 1000) as txt from generate_series(1, 3000) i;
     create materialized view big_view as select * from big;
     create table empty (id int);
     create access method other type table handler heap_tableam_handler;
     create table elsewhere using other as select * from big;
     select lo_from_bytea(0, decode(string_agg(md5(i::text), ''), 'hex')) from generate_series(1, 60000) i;`,
  );
});

afterAll(async () => {
  await cluster.remove();
  await removeScratch(scratch);
});

function find(content: ContentFingerprint, name: string): RelationFingerprint {
  return content.relations.find((relation) => relation.name === name)!;
}

describe('a relation that is read in ranges', () => {
  it('adds up to what reading it whole says, also where no statistics know it', async () => {
    const inRanges = await readContent(cluster, { leastBlocks: 8 });
    const whole = await readContent(cluster, { layoutOf: () => undefined });
    for (const name of ['big', 'big_view', 'pg_largeobject']) {
      expect(find(inRanges, name).ranges!.count).toBeGreaterThan(10);
      expect(find(inRanges, name).ranges!.readings).toHaveLength(find(inRanges, name).ranges!.count);
    }
    const withoutRanges = inRanges.relations.map((relation) => ({ ...relation, ranges: undefined }));
    expect(withoutRanges).toEqual(whole.relations);
    expect(find(whole, 'big').rows).toBe('3000');
  });

  it('is left whole where it is small or kept by another access method', async () => {
    const content = await readContent(cluster, { leastBlocks: 8 });
    expect(find(content, 'empty')).toMatchObject({ rows: '0', hash: '0' });
    expect(find(content, 'empty').ranges).toBeUndefined();
    expect(find(content, 'elsewhere')).toMatchObject({ rows: '3000', hash: find(content, 'big').hash });
    expect(find(content, 'elsewhere').ranges).toBeUndefined();
  });

  it('keeps several connections busy, none of which scans the whole of it', async () => {
    const before = (await readFile(cluster.logFile, 'utf8')).length;
    const scans = await sequentialScans('big');
    await readContent(cluster, { leastBlocks: 4, connections: 3 });
    const log = (await readFile(cluster.logFile, 'utf8')).slice(before);
    const readers = new Set(
      [
        ...log.matchAll(
          /^(\d+) LOG:\s+statement: \s*select count\(\*\)::text as rows[^;]*?"public"\."big" as r\s+where r\.ctid/gm,
        ),
      ].map(([, pid]) => pid),
    );
    expect(readers.size).toBe(3);
    expect(await sequentialScans('big')).toBe(scans);
  });

  it('reads the same where it rests beside the work of others', async () => {
    const quick = await readContent(cluster, { leastBlocks: 64 });
    const other = await cluster.connect({ dbname: 'varied', application_name: 'a load' });
    const working = other.query('select pg_sleep(1)');
    const gentle = await readContent(cluster, { leastBlocks: 64, gentle: true, deadline: performance.now() + 60_000 });
    await working;
    await other.end();
    expect(gentle).toEqual(quick);
  });

  it('cannot be proven where it is replaced between two parts', async () => {
    const restored = await readContent(cluster, { leastBlocks: 1 });
    const holder = await cluster.connect({ user: 'drill', dbname: 'varied' });
    await holder.query('begin isolation level repeatable read read only');
    const { rows } = await holder.query<{ id: string }>('select pg_export_snapshot() as id');
    const database = cluster.conninfo({ dbname: 'varied' });
    let truncated = false;
    const source = await readContent(cluster, {
      snapshot: rows[0]!.id,
      connections: 1,
      leastBlocks: 1,
      onProgress: ({ relation }) => {
        if (relation !== 'public.big' || truncated) return;
        // Nothing else of this process goes on meanwhile: not the next part either.
        execaSync(toolPath(cluster.tools, 'psql'), ['-X', '-q', '-d', database, '-c', 'truncate big'], {
          env: toolEnvironment(cluster.tools),
        });
        truncated = true;
      },
    });
    expect(truncated).toBe(true);
    await holder.end();
    const check = checkContent(source, restored);
    expect(check).toMatchObject({ status: 'unproven', problems: [{ object: 'varied.public.big' }] });
    expect(check.problems[0]!.detail).toContain('truncated or rewritten');
  });
});

async function sequentialScans(table: string): Promise<number> {
  const client = await cluster.connect({ dbname: 'varied' });
  try {
    const { rows } = await client.query<{ scans: number }>(
      `select seq_scan::int as scans from pg_stat_user_tables where relname = $1`,
      [table],
    );
    return rows[0]!.scans;
  } finally {
    await client.end();
  }
}
