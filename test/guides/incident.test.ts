import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { leftovers } from '../support/leftovers.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { runGuide } from './guide.js';

let book: Runbook;
let xid: string;

beforeAll(async () => {
  book = await startRunbook({ worker: true, sql: 'create database shop', backups: [] });
  const { shop } = book;
  await shop.sql('create table orders (id int); insert into orders select generate_series(1, 5000)', 'shop');
  await shop.backup('full');
  const [bad] = await shop.sql<{ xid: string }>(
    'with gone as (delete from orders returning 1) select count(*), pg_current_xact_id()::text as xid from gone',
    'shop',
  );
  xid = bad!.xid;
  await shop.sql('insert into orders values (6000)', 'shop');
  await shop.archive();
});
afterAll(() => book.close());

test('an incident, hour by hour', { timeout: 180_000 }, async () => {
  const { scratch, repository } = { scratch: book.shop.scratch, repository: book.shop.patient.repository };
  const directory = join(scratch, 'guide');
  await mkdir(directory);
  await mkdir(join(scratch, 'rescue'));
  const ran = await runGuide('incident', {
    ...{ directory, env: book.env },
    stands: {
      '48213': xid,
      '/srv/rescue': join(scratch, 'rescue'),
      '/srv/recovered': join(scratch, 'recovered'),
      '/srv/backup/shop': repository,
    },
  });
  expect(ran).toBeGreaterThan(8);
  expect(await leftovers(book.shop)).toEqual([]);
});
