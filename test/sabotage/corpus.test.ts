import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { writeFileDurably } from '../../src/files/durable.js';
import { parseSegmentName, segmentNumberOf } from '../../src/postgres/wal-segment.js';
import type { RestorePlan } from '../../src/restore/plan.js';
import { chanceOf } from '../../src/sabotage/chance.js';
import type { Capture } from '../../src/schema/results.js';
import { type SabotageKind, sabotageKindNames } from '../../src/schema/sabotage-kinds.js';
import { listing } from '../restore/restore-support.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { capture, planOf, trial } from './trial.js';

let shop: ProtectedCluster;
let captured: Capture;
let plan: RestorePlan;
let untouched: Record<string, string>;

beforeAll(async () => {
  // Checksums on: what is sealed has to be right in them, too.
  shop = await protectCluster({ initdbArgs: ['--data-checksums'] });
  await promote();
  await shop.sql(`
    create role clerk;
    create function tax(amount numeric) returns numeric language sql as 'select amount * 0.19';
    create table customers (id int primary key, name text not null, vip boolean not null default false);
    insert into customers select i, 'customer ' || i, i % 10 = 0 from generate_series(1, 3000) i;
    create table orders (id bigint primary key, customer_id int references customers, amount numeric(10, 2), at timestamptz);
    insert into orders select i, 1 + i % 3000, i % 97, timestamptz '2026-01-01' + i * interval '1 minute' from generate_series(1, 5000) i;
    create index on orders (at);
    create table stock (item int, amount int) with (autovacuum_enabled = off);
  `);
  await shop.sql(`vacuum (freeze) customers`);
  await shop.sql(`vacuum (freeze) orders`);
  // Written and never read: whether these rows exist, pg_xact alone says.
  await shop.sql(`create table arrivals (id int, note text) with (autovacuum_enabled = off)`);
  await shop.sql(`insert into arrivals select i, 'arrival ' || i from generate_series(1, 500) i`);
  await shop.sql(`insert into stock select i, 10 from generate_series(1, 500) i`);
  await shop.backup('full');
  for (const amount of [9, 8]) {
    await shop.sql(`update stock set amount = ${amount}`);
    await shop.backup('incremental');
  }
  for (const amount of [7, 6]) {
    await shop.sql(`update stock set amount = ${amount}`);
    await shop.archive();
  }
  captured = await capture(shop);
  plan = await planOf(shop, captured);
  untouched = await listing(shop.repository.path);
});

afterAll(() => shop.remove());

afterEach(async () => {
  expect(await readdir(shop.patient.sandboxDirectory)).toEqual([]);
  expect(await listing(shop.repository.path)).toEqual(untouched);
});

/** Recovers the source in place, so that its timeline has a history. */
async function promote(): Promise<void> {
  await shop.archive();
  await shop.source.stop();
  await writeFileDurably(join(shop.source.dataDirectory, 'recovery.signal'), '');
  await shop.source.start({ restore_command: `cp ${shop.patient.walDirectory}/%f %p` });
  await vi.waitFor(
    async () => {
      expect(await shop.sql('select pg_is_in_recovery() as recovering')).toEqual([{ recovering: false }]);
    },
    { timeout: 30_000 },
  );
}

it('the unbroken copy passes', async () => {
  expect(plan.chain.map(({ type }) => type)).toEqual(['full', 'incremental', 'incremental']);
  expect(await trial(shop, captured, plan, 'none')).toMatchObject({ drillVerdict: 'passed', verdict: 'passed' });
});

/** Who has to see each kind, and how it has to say so. */
const seenBy: Record<SabotageKind, [by: string | RegExp, sentence: RegExp]> = {
  'heap-bit': ['step prepareRestore', /full does not match its manifest: checksum mismatch for file "base\//],
  'heap-bit-sealed': ['check content', /postgres\.public\.\w+: same row count \(\d+\), different content/],
  'index-bit': ['step prepareRestore', /full does not match its manifest: checksum mismatch for file "base\//],
  'index-bit-sealed': ['check structure', /lacks matching index tuple/],
  'visibility-map-bit': ['step prepareRestore', /checksum mismatch for file "base\/.*_vm"/],
  'visibility-map-bit-sealed': ['step prepareRestore, which mended it', /pages beyond the table's end were marked/],
  'clog-bit': ['step prepareRestore', /checksum mismatch for file "pg_xact\//],
  'clog-bit-sealed': ['check content', /postgres\.public\.arrivals: rows 500 -> 0/],
  'manifest-bit': ['step prepareRestore', /The manifest of backup .* is not the one that was recorded/],
  'manifest-bit-sealed': ['step prepareRestore', /manifest/],
  'truncated-file': ['step prepareRestore', /has size \d+ on disk but size \d+ in the manifest/],
  // pg_combinebackup is content with it.
  'truncated-file-sealed': ['check content', /postgres\.public\.\w+: rows \d+ -> \d+/],
  'deleted-file': ['step prepareRestore', /is present in the manifest but not on disk/],
  'deleted-file-sealed': ['step prepareRestore', /cannot be combined: .*could not open file/],
  'older-incremental': ['step prepareRestore', /The manifest of backup .* is not the one that was recorded/],
  'older-incremental-sealed': ['step prepareRestore', /cannot be combined: .*starts at LSN .*, but expected/],
  'foreign-manifest': ['step prepareRestore', /The manifest of backup .* is not the one that was recorded/],
  'foreign-manifest-sealed': ['step prepareRestore', /does not match its manifest/],
  // The plan reads the segment with the fence, the preparation all of them.
  'wal-bit': [/^step (plan|prepare)Restore$/, /error in WAL record at /],
  'deleted-wal-segment': ['step planRestore', /WAL segment \w{24} is missing/],
  'swapped-wal-segments': [/^step (plan|prepare)Restore$/, /cannot be read: .*(unexpected pageaddr|could not)/],
  'wrong-timeline-history': [/^step (plan|prepare)Restore$/, /on timeline 1 .* cannot be read: .*could not find file/],
  'row-changed': ['check content', /same row count \(\d+\), different content/],
  'row-added': ['check content', /rows (\d+) -> \d+/],
  'row-removed': ['check content', /rows (\d+) -> \d+/],
  'index-entry-lost': ['check structure', /lacks matching index tuple/],
  'stale-visibility-map': ['check visibility map', /1 tuples on pages marked all-visible are not/],
  'function-body-changed': ['check schema', /only when restored: .*select amount \* 0\.19/],
  'role-dropped': ['check globals', /only on the source: "CREATE ROLE clerk;"/],
};

describe('each kind of damage is seen, and by whom:', () => {
  it.each(sabotageKindNames)('%s', async (kind) => {
    const result = await trial(shop, captured, plan, kind);
    const mended = kind === 'visibility-map-bit-sealed';
    expect(result).toMatchObject({ kind, drillVerdict: mended ? 'passed' : 'failed', verdict: 'passed' });
    const [by, sentence] = seenBy[kind];
    expect(
      result.seenBy.find((each) => (typeof by === 'string' ? each.by === by : by.test(each.by)))?.sentence,
      JSON.stringify(result),
    ).toMatch(sentence);
  });
});

it('the last WAL segment that is gone is damage, not a target that was chosen badly', async () => {
  const last = await lastSegmentSeed();
  const result = await trial(shop, captured, plan, 'deleted-wal-segment', last);
  expect(result).toMatchObject({ drillVerdict: 'failed', seenBy: [{ by: 'step planRestore' }] });
  expect(result.seenBy[0]!.sentence).toMatch(
    /before the fence: what had been archived when the fence was taken is missing/,
  );
});

/** A seed by which the segment with the fence itself is chosen. */
async function lastSegmentSeed(): Promise<number> {
  const size = 16 * 1024 * 1024;
  const [first, last] = [plan.chain.at(-1)!.endLsn, plan.wal.to].map((lsn) => segmentNumberOf(lsn, size));
  const names = (await readdir(shop.patient.walDirectory)).filter((name) => {
    const segment = parseSegmentName(name, size);
    return segment?.timeline === 2 && segment.number >= first! && segment.number <= last!;
  });
  const seeds = Array.from({ length: 100 }, (_, seed) => seed);
  return seeds.find((seed) => chanceOf(seed, 'deleted-wal-segment').integer(names.length) === names.length - 1)!;
}
