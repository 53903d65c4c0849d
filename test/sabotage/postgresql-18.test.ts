import { readdir } from 'node:fs/promises';

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

import type { RestorePlan } from '../../src/restore/plan.js';
import type { Capture } from '../../src/schema/results.js';
import type { SabotageKind } from '../../src/schema/sabotage-kinds.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { capture, planOf, trial } from './trial.js';

let shop: ProtectedCluster;
let captured: Capture;
let plan: RestorePlan;

beforeAll(async () => {
  shop = await protectCluster({ major: 18 });
  await shop.sql(`
    create table orders (id bigint primary key, amount numeric(10, 2));
    insert into orders select i, i % 97 from generate_series(1, 5000) i;
  `);
  await shop.sql(`vacuum (freeze) orders`);
  await shop.sql(`create table arrivals (id int, note text) with (autovacuum_enabled = off)`);
  await shop.sql(`insert into arrivals select i, 'arrival ' || i from generate_series(1, 500) i`);
  await shop.backup('full');
  await shop.sql(`create table later (id int)`);
  await shop.backup('incremental');
  await shop.archive();
  captured = await capture(shop);
  plan = await planOf(shop, captured);
});
afterAll(() => shop.remove());
afterEach(async () => {
  expect(await readdir(shop.patient.sandboxDirectory)).toEqual([]);
});

it('the unbroken copy of a PostgreSQL 18 passes', async () => {
  expect(await trial(shop, captured, plan, 'none')).toMatchObject({ drillVerdict: 'passed', verdict: 'passed' });
});

// What reads PostgreSQL's files itself: pages, index entries, pg_xact, maps, WAL records.
it.each<[SabotageKind, string]>([
  ['heap-bit-sealed', 'check content'],
  ['index-bit-sealed', 'check structure'],
  ['visibility-map-bit-sealed', 'step prepareRestore, which mended it'],
  ['clog-bit-sealed', 'check content'],
  ['wal-bit', 'step planRestore, or step prepareRestore'],
  ['stale-visibility-map', 'check visibility map'],
])('%s in a PostgreSQL 18 is seen by %s', async (kind, by) => {
  const result = await trial(shop, captured, plan, kind);
  expect(result).toMatchObject({ kind, drillVerdict: by.includes('mended') ? 'passed' : 'failed', verdict: 'passed' });
  expect(
    result.seenBy.filter((each) => by.includes(each.by)),
    JSON.stringify(result),
  ).toHaveLength(1);
});
