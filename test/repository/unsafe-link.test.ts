import { afterAll, beforeAll, expect, it } from 'vitest';

import { newestBackup } from '../../src/repository/chains.js';
import { listBackups } from '../../src/repository/repository.js';
import { planRestore } from '../../src/restore/plan.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';

let shop: ProtectedCluster;

beforeAll(async () => {
  shop = await protectCluster({ settings: { autovacuum: 'off' }, initdbArgs: ['--data-checksums'] });
});
afterAll(async () => {
  await shop.remove();
});

it('keeps an incremental that PostgreSQL got wrong, never uses it, and starts anew', async () => {
  const rows = (from: number, to: number): string =>
    `select i, repeat('x', 200) from generate_series(${from}, ${to}) as i`;
  await shop.sql(`create table copied (id int, txt text); insert into copied ${rows(1, 3000)}`);
  await shop.sql('vacuum (freeze) copied');
  const full = await shop.backup('full');
  const sound = await shop.backup('incremental');
  expect(sound).toMatchObject({ type: 'incremental', parent: full.id });
  expect(sound.unsafe).toBeUndefined();

  await shop.sql('delete from copied where id > 1800');
  await shop.sql('vacuum copied');
  await shop.sql(String.raw`copy copied from program $$ seq 10001 10600 | awk '{ printf "%d\t%0200d\n", $1, 0 }' $$`);
  const wrong = await shop.backup('incremental');
  expect(wrong).toMatchObject({ type: 'incremental', parent: sound.id });
  expect(wrong.unsafe?.[0]).toContain('Table public.copied in database postgres was truncated');

  const lsn = await shop.archive();
  const backups = await listBackups(shop.repository);
  expect(newestBackup(backups)?.id).toBe(sound.id);
  const plan = await planRestore(shop.tools, {
    repository: shop.repository,
    walDirectory: shop.patient.walDirectory,
    target: { kind: 'lsn', lsn },
    fence: undefined,
    signal: new AbortController().signal,
  });
  expect(plan.chain.map(({ id }) => id)).toEqual([full.id, sound.id]);
  expect(plan.warnings[0]).toContain(`Backup ${wrong.id} cannot be trusted`);

  const anew = await shop.backup('incremental');
  expect(anew).toMatchObject({ type: 'full', requestedType: 'incremental' });
  expect(anew.fallbackReason).toContain(`${wrong.id} was found unsafe`);
  expect(await shop.backup('incremental')).toMatchObject({ type: 'incremental', parent: anew.id });
});
