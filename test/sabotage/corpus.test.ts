import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { writeFileDurably } from '../../src/files/durable.js';
import type { RestorePlan } from '../../src/restore/plan.js';
import type { Capture } from '../../src/schema/results.js';
import { type SabotageKind, sabotageKindNames } from '../../src/schema/sabotage.js';
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

describe('seen:', () => {
  it.each(sabotageKindNames)('%s', async (kind: SabotageKind) => {
    const result = await trial(shop, captured, plan, kind);
    console.log(JSON.stringify(result, null, 1));
    expect(result).toMatchObject({ kind, drillVerdict: 'failed', verdict: 'passed' });
  });
});
