import { opendir, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { promoteInPlace } from './promote.js';
import type { ProtectedCluster } from './protected-cluster.js';

/** One of PostgreSQL's own faults (docs/postgresql-incremental-faults.md), as a story that leaves an incremental with it behind. */
export interface Fault {
  name: string;
  /** Needs a cluster that has neither data checksums nor wal_log_hints. */
  bare?: true;
  /** Before the full backup. */
  prepare: (shop: ProtectedCluster) => Promise<void>;
  /** Between one backup and the next: an incremental follows on each. The last one has the fault. */
  links: ((shop: ProtectedCluster) => Promise<void>)[];
  /** Before the drill. May not read the tables: hint bits would put whole pages into the WAL, which heal the restored copy. */
  after?: (shop: ProtectedCluster) => Promise<void>;
  /** Whether the server takes the incremental on a new timeline, which pgdrill itself would not do. */
  acrossPromotion?: true;
  /** Strikes by the order in which the file system lists the summaries: is to be made again until it does. */
  byLuck?: true;
  /** The tables that it can strike, as the proof calls them. */
  tables: string[];
  /** Whether it strikes each of them, or only some. */
  every: boolean;
  /** What the guard says of them. */
  reason: RegExp;
  /** The check of the proof that sees it, and in which words; or the restore itself, which mends it and says so. */
  seenBy: { check: string; detail: RegExp } | 'mending';
}

/** About 34 such rows fit on a page: 3,000 make some ninety pages. */
const rows = (from: number, to: number, letter: string): string =>
  `select i, repeat('${letter}', 200) from generate_series(${from}, ${to}) as i`;

const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

/** Rows as wide as the others, so that they do not fit into gaps. COPY extends a table by more pages than it then needs. */
const copyInto = (table: string): string =>
  `copy ${table} from program $$ ${String.raw`seq 10001 10600 | awk '{ printf "%d\t%0200d\n", $1, 0 }'`} $$`;

const merged = numbered('merged_', 12);

async function make(shop: ProtectedCluster, table: string): Promise<void> {
  await shop.sql(`drop table if exists ${table}`);
  await shop.sql(`create table ${table} (id int, txt text)`);
  await shop.sql(`insert into ${table} ${rows(1, 3_000, 'x')}`);
}

/** Frozen, so that few pages of what stays are written again, and the file is not simply copied whole. */
async function makeFrozen(shop: ProtectedCluster, table: string): Promise<void> {
  await make(shop, table);
  await shop.sql(`vacuum (freeze) ${table}`);
}

async function cut(shop: ProtectedCluster, table: string, keep: number): Promise<void> {
  await shop.sql(`delete from ${table} where id > ${keep}`);
  await shop.sql(`vacuum ${table}`);
}

/** Those of one kind of cluster: they can follow on each other in it. */
export function faultsOf(kind: { bare: boolean }): Fault[] {
  return faults.filter(({ bare = false }) => bare === kind.bare);
}

const faults: readonly Fault[] = [
  {
    name: 'merge order',
    byLuck: true,
    prepare: async (shop) => {
      for (const table of merged) await make(shop, table);
    },
    links: [
      async (shop) => {
        for (const table of merged) {
          // Each checkpoint ends a summary: the truncation lies in one, the growth in the next.
          await cut(shop, table, 600);
          await shop.sql('checkpoint');
          await shop.sql(`insert into ${table} ${rows(10_001, 12_000, 'y')}`);
          await shop.sql('checkpoint');
        }
        await disorderSummaries(shop);
      },
    ],
    tables: merged,
    every: false,
    reason:
      /was truncated to \d+ blocks since the last backup and has grown again: \d+ blocks written since are not in/,
    seenBy: { check: 'content', detail: /^rows 2600 -> 2[67]\d\d; ctid \(\d+,\d+\) (differs|is missing|is extra)/ },
  },
  {
    name: 'empty pages behind a truncation',
    prepare: (shop) => makeFrozen(shop, 'copied'),
    links: [
      async (shop) => {
        await cut(shop, 'copied', 1_800);
        await shop.sql(copyInto('copied'));
      },
    ],
    tables: ['copied'],
    every: true,
    reason: /was truncated to \d+ blocks since the last backup and has grown again: \d+ empty blocks would come from/,
    seenBy: { check: 'content', detail: /^rows 2400 -> (?!2400)\d+; ctid \(\d+,\d+\) is extra/ },
  },
  {
    name: 'empty pages, one link further down',
    prepare: (shop) => makeFrozen(shop, 'copied_later'),
    links: [
      (shop) => cut(shop, 'copied_later', 1_800),
      async (shop) => {
        await shop.sql(copyInto('copied_later'));
      },
    ],
    tables: ['copied_later'],
    every: true,
    reason: /was truncated earlier in the chain and has grown again: \d+ empty blocks would come from/,
    seenBy: { check: 'content', detail: /^rows 2400 -> (?!2400)\d+; ctid \(\d+,\d+\) is extra/ },
  },
  {
    name: 'promotion',
    acrossPromotion: true,
    prepare: (shop) => make(shop, 'failed_over'),
    links: [
      async (shop) => {
        await cut(shop, 'failed_over', 600);
        await promoteInPlace(shop.source);
        await shop.sql(`insert into failed_over ${rows(10_001, 12_000, 'y')}`);
      },
    ],
    tables: ['failed_over'],
    every: true,
    reason: /promoted|no longer has the WAL summaries|WAL summaries could not be read/,
    seenBy: { check: 'content', detail: /^rows 2600 -> 2[67]\d\d; ctid \(\d+,\d+\) (differs|is missing|is extra)/ },
  },
  {
    name: 'visibility map',
    bare: true,
    prepare: async (shop) => {
      for (const table of ['mapped', 'regrown']) {
        await make(shop, table);
        await shop.sql(`alter table ${table} add primary key (id)`);
        // 18 pages, the last one full: a row put into an all-visible page would log the map's page, which heals the restored copy.
        await shop.sql(`delete from ${table} where id > 612`);
        // The emptied pages at the end are all-visible, and stay.
        await shop.sql(`vacuum (freeze, truncate false) ${table}`);
      }
    },
    links: [
      async (shop) => {
        await shop.sql('vacuum mapped');
        await shop.sql('vacuum regrown');
      },
    ],
    after: async (shop) => {
      // Replay makes the restored table grow into the stale bits: an index-only scan there believes them.
      await shop.sql(`insert into regrown ${rows(10_001, 12_000, 'z')}`);
      await shop.sql('delete from regrown where id > 10000');
    },
    tables: ['mapped', 'regrown'],
    every: true,
    reason: /visibility map in the backup still has bits beyond/,
    // A restore can mend it without any doubt, and does.
    seenBy: 'mending',
  },
];

/**
 * Where a file system lists a directory in the order of creation, the server merges its summaries in the order of the WAL, and the first
 * fault never shows. Moving a cluster to another disk is enough to change that; here the summaries alone are moved. Where the order is that
 * of a hash (ext4) this does nothing, and it is luck.
 */
async function disorderSummaries({ source }: ProtectedCluster): Promise<void> {
  const folder = join(source.dataDirectory, 'pg_wal', 'summaries');
  const aside = join(source.dataDirectory, 'pg_wal');
  const inOrder = (await listUnsorted(folder)).sort();
  for (const names of [inOrder.toReversed(), inOrder]) {
    if ((await listUnsorted(folder)).join() !== inOrder.join()) return;
    for (const name of names) await rename(join(folder, name), join(aside, name));
    for (const name of names) await rename(join(aside, name), join(folder, name));
  }
}

/** As the server sees it: fs.readdir sorts. */
async function listUnsorted(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of await opendir(folder)) if (name.endsWith('.summary')) names.push(name);
  return names;
}
