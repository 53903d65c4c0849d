import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { makePrivateDirectory } from '../../src/files/durable.js';
import { launchInstance, stopInstance, waitUntilReady } from '../../src/postgres/instance.js';
import { runTool } from '../../src/process/run-tool.js';
import type { LinkJudgement } from '../../src/repository/link-safety.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import type { TestCluster } from '../support/cluster.js';
import { promoteStandby } from '../support/promote.js';
import { differing, type RawCluster, rawClusterOf, startRawCluster } from './raw-backups.js';

/** The faults of link-safety-faults.test.ts in other places and after other stories: judgeLink names what a stock restore gets wrong. */

let raw: RawCluster;

afterEach(async () => {
  await raw.remove();
});

const rows = (from: number, to: number, letter = 'x'): string =>
  `select i, repeat('${letter}', 200) from generate_series(${from}, ${to}) as i`;

interface Variant {
  table: string;
  database?: string;
  create: string;
  /** Where not the table itself is cut and filled. */
  through?: string;
  /** Lengths in rows that it is cut to, one after the other; it grows a little in between. */
  cuts?: number[];
  growsBefore?: true;
  /** Cut before a first incremental, filled before the second. */
  overTwoLinks?: true;
}

const plain = (table: string): string => `create table ${table} (id int, txt text)`;

const variants: readonly Variant[] = [
  { table: 'indexed', create: `${plain('indexed')}; create index on indexed (id)` },
  {
    table: 'parted_all',
    through: 'parted',
    create: `${plain('parted')} partition by range (id); create table parted_all partition of parted default`,
  },
  { table: 'placed', create: `${plain('placed')} tablespace beside` },
  { table: 'elsewhere', database: 'other', create: plain('elsewhere') },
  { table: 'cut_thrice', create: plain('cut_thrice'), cuts: [2_700, 2_100, 1_800] },
  { table: 'grown_before', create: plain('grown_before'), growsBefore: true },
  { table: 'over_two_links', create: plain('over_two_links'), overTwoLinks: true },
];

async function cutAndFill(variant: Variant, part: 'cut' | 'fill'): Promise<void> {
  const { database, through = variant.table, cuts = [1_800] } = variant;
  const run = (text: string): Promise<unknown> => raw.sql(text, database);
  if (part === 'fill') {
    const wide = String.raw`seq 10001 10600 | awk '{ printf "%d\t%0200d\n", $1, 0 }'`;
    await run(`copy ${through} from program $$ ${wide} $$`);
    return;
  }
  if (variant.growsBefore === true) await run(`insert into ${through} ${rows(3_001, 4_000)}`);
  for (const [index, keep] of cuts.entries()) {
    if (index > 0) await run(`insert into ${through} ${rows(5_000 + index * 100, 5_050 + index * 100)}`);
    await run(`delete from ${through} where id > ${keep}`);
    await run(`vacuum ${through}`);
  }
}

const namesIn = (judgement: LinkJudgement): string[] =>
  (judgement.safe ? [] : judgement.reasons)
    .flatMap((reason) => /able public\.(\w+) in database/.exec(reason)?.[1] ?? [])
    .sort();

describe.each([17, 18] as const)('PostgreSQL %i', (major) => {
  it('brings deleted rows back in tables of every place and story, over a chain of three incrementals', async () => {
    raw = await startRawCluster({ major });
    await raw.sql(`create database other`);
    await raw.sql(`create tablespace beside location ''`);
    for (const { create, table, through = table, database } of variants) {
      await raw.sql(create, database);
      await raw.sql(`insert into ${through} ${rows(1, 3_000)}`, database);
      await raw.sql(`vacuum (freeze) ${through}`, database);
    }
    const full = await raw.full();
    for (const variant of variants) if (variant.overTwoLinks === true) await cutAndFill(variant, 'cut');
    const first = await raw.incremental(full);
    const second = await raw.incremental(first);
    expect(await raw.judge([full], first)).toEqual({ safe: true });
    expect(await raw.judge([full, first], second)).toEqual({ safe: true });
    for (const variant of variants) if (variant.overTwoLinks !== true) await cutAndFill(variant, 'cut');
    for (const variant of variants) await cutAndFill(variant, 'fill');
    const third = await raw.incremental(second);

    const chain = [full, first, second, third];
    const here = variants.filter(({ database }) => database === undefined).map(({ table }) => table);
    const wrong = [...(await differing(raw, chain, here)), ...(await differing(raw, chain, ['elsewhere'], 'other'))];
    expect(namesIn(await raw.judge([full, first, second], third))).toEqual(wrong.sort());
    expect(wrong).toEqual(variants.map(({ table }) => table).sort());
    // Indexes are never cut: those in the restored copy have every entry that the source's have, for rows that are not all there.
    const entries = `set enable_seqscan = off; set enable_bitmapscan = off; select count(id)::int from indexed where id > 10000`;
    expect(await raw.restored(chain, (read) => read(entries))).toEqual(await raw.sql(entries));
  });

  it('reverts rows after a real failover to a standby that lagged', async () => {
    raw = await startRawCluster({ major });
    await raw.sql(`${plain('failed_over')}; insert into failed_over ${rows(1, 3_000)}`);
    const standby = await startStandby(raw);
    try {
      const full = await raw.full();
      await raw.sql('delete from failed_over where id > 600');
      await raw.sql('vacuum failed_over');
      await replayed(raw, standby);
      // From here on the standby hears nothing any more: what the primary still commits is lost with it.
      await standby.sql(`alter system set primary_conninfo = ''`);
      await standby.sql('select pg_reload_conf()');
      await expect.poll(() => raw.sql('select 1 from pg_stat_replication')).toEqual([]);
      await raw.sql(`insert into failed_over ${rows(20_001, 21_000, 'l')}`);
      await raw.cluster.stop('immediate');
      await promoteStandby(standby.cluster);
      await standby.sql(`insert into failed_over ${rows(10_001, 12_000, 'y')}`);
      const incremental = await standby.incremental(full);

      expect(await standby.sql('select count(*)::int as lost from failed_over where id > 20000')).toEqual([
        { lost: 0 },
      ]);
      expect(await differing(standby, [full, incremental], ['failed_over'])).toEqual(['failed_over']);
      const judgement = await standby.judge([full], incremental);
      expect(judgement).toMatchObject({ safe: false });
      expect(JSON.stringify(judgement)).toContain('timeline 1 → 2');
      expect(namesIn(judgement)).toEqual(['failed_over']);
    } finally {
      await stopInstance(standby.cluster.tools, standby.cluster.dataDirectory, 'immediate');
    }
  });
});

/** A streaming standby that summarizes WAL as its primary does; it goes with the primary's scratch directory. */
async function startStandby({ cluster, scratch }: RawCluster): Promise<RawCluster> {
  const directory = join(scratch, 'standby');
  const dataDirectory = join(directory, 'data');
  const logFile = join(directory, 'server.log');
  await makePrivateDirectory(directory);
  await runTool({
    file: toolPath(cluster.tools, 'pg_basebackup'),
    args: [`--dbname=${cluster.conninfo()}`, `--pgdata=${dataDirectory}`, '--write-recovery-conf', '--checkpoint=fast'],
    env: toolEnvironment(cluster.tools),
  });
  await launchInstance(cluster.tools, {
    dataDirectory,
    logFile,
    settings: {
      listen_addresses: '',
      unix_socket_directories: directory,
      fsync: 'off',
      summarize_wal: 'on',
      autovacuum: 'off',
      allow_in_place_tablespaces: 'on',
    },
  });
  await waitUntilReady(dataDirectory, { logFile, timeoutMs: 60_000 });
  const standby: TestCluster = {
    ...cluster,
    directory,
    dataDirectory,
    logFile,
    conninfo: (overrides = {}) => cluster.conninfo({ host: directory, ...overrides }),
  };
  return rawClusterOf(standby, scratch);
}

async function replayed(primary: RawCluster, standby: RawCluster): Promise<void> {
  const [row] = await primary.sql<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn');
  await expect
    .poll(() => standby.sql(`select pg_last_wal_replay_lsn() >= '${row!.lsn}' as there`), { timeout: 60_000 })
    .toEqual([{ there: true }]);
}
