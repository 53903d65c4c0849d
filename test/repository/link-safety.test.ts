import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runTool } from '../../src/process/run-tool.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import { differing, type RawCluster, startRawCluster } from './raw-backups.js';

/** What judgeLink must let pass, and what it must not guess at. Its catches are in link-safety-faults.test.ts. */

let raw: RawCluster;

afterEach(async () => {
  await raw.remove();
});

const rows = (from: number, to: number): string =>
  `select i, repeat('x', 200) from generate_series(${from}, ${to}) as i`;

describe('a link that is sound', () => {
  it('is safe after everything that truncates, rewrites or replaces tables without harm', async () => {
    raw = await startRawCluster();
    const tables = [
      'truncated',
      'cut',
      'cut_twice',
      'rewritten',
      'replaced',
      'copied',
      'cut_and_grown_at_once',
      'untouched',
    ];
    for (const table of tables)
      await raw.sql(`create table ${table} (id int, txt text); insert into ${table} ${rows(1, 3000)}`);
    const full = await raw.full();
    await raw.sql(`truncate truncated; insert into truncated ${rows(1, 3500)}`);
    await raw.sql(`delete from cut where id > 600; delete from cut_twice where id > 2000`);
    await raw.checkpoint();
    await raw.sql(`vacuum cut`);
    await raw.sql(`vacuum cut_twice`);
    await raw.checkpoint();
    await raw.sql(`update cut set txt = 'y' where id < 20; delete from cut_twice where id > 300`);
    await raw.sql(`vacuum cut_twice`);
    await raw.sql(`vacuum full rewritten`);
    await raw.sql(
      `drop table replaced; create table replaced (id int, txt text); insert into replaced ${rows(1, 500)}`,
    );
    await raw.sql(`copy copied (id) from program 'seq 10001 16000'`);
    await raw.sql(`delete from cut_and_grown_at_once where id > 600`);
    await raw.sql(`vacuum cut_and_grown_at_once`);
    for (let from = 10_001; from < 12_000; from += 100)
      await raw.sql(`insert into cut_and_grown_at_once ${rows(from, from + 99)}`);
    const first = await raw.incremental(full);
    expect(await raw.judge([full], first)).toEqual({ safe: true });
    expect(await differing(raw, [full, first], tables)).toEqual([]);

    await raw.sql(`insert into cut ${rows(601, 2000)}; insert into cut_twice ${rows(301, 2500)}; delete from copied`);
    await raw.sql(`vacuum copied`);
    const second = await raw.incremental(first);
    expect(await raw.judge([full, first], second)).toEqual({ safe: true });
    expect(await differing(raw, [full, first, second], tables)).toEqual([]);
  });

  it('is safe under pgbench with autovacuum at its keenest', async () => {
    raw = await startRawCluster({
      settings: { autovacuum: 'on', autovacuum_naptime: '1s', autovacuum_vacuum_threshold: '10' },
    });
    const pgbench = async (...args: string[]): Promise<void> => {
      await runTool({
        file: toolPath(raw.cluster.tools, 'pgbench'),
        args: [...args, raw.cluster.conninfo()],
        env: toolEnvironment(raw.cluster.tools),
      });
    };
    await pgbench('--initialize', '--scale=2', '--quiet');
    const chain = [await raw.full()];
    for (let link = 0; link < 2; link += 1) {
      const load = pgbench('--client=4', '--time=6');
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const incremental = await raw.incremental(chain.at(-1)!);
      await load;
      expect(await raw.judge(chain, incremental)).toEqual({ safe: true });
      chain.push(incremental);
    }
  });
});

describe('a link that cannot be judged', () => {
  beforeEach(async () => {
    raw = await startRawCluster();
  });

  it('is unsafe where WAL summaries are gone', async () => {
    const full = await raw.full();
    await raw.sql(`create table t as ${rows(1, 100)}`);
    await raw.checkpoint();
    await raw.sql(`insert into t ${rows(101, 200)}`);
    const incremental = await raw.incremental(full);
    const folder = join(raw.cluster.dataDirectory, 'pg_wal', 'summaries');
    // The one before the backup's start: the first after the parent's start is still there.
    const names = (await readdir(folder)).sort();
    await rm(join(folder, names.at(-1)!));
    const judgement = await raw.judge([full], incremental);
    expect(judgement).toMatchObject({
      safe: false,
      reasons: [expect.stringContaining('no longer has the WAL summaries')],
    });
  });

  it('is unsafe where our role may not read WAL summaries, and the grant is named', async () => {
    const full = await raw.full();
    const incremental = await raw.incremental(full);
    await raw.sql(`revoke execute on function pg_available_wal_summaries() from public, pg_monitor`);
    const judgement = await raw.judge([full], incremental);
    expect(judgement).toMatchObject({ safe: false, reasons: [expect.stringContaining('grant execute on function')] });
  });
});
