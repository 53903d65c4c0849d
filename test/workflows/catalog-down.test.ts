import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { keepForLater, withCatalog } from '../../src/catalog/catalog.js';
import type { DrillResult } from '../../src/schema/evidence.js';
import { startTestCluster, type TestCluster } from '../support/cluster.js';
import { leftovers } from '../support/leftovers.js';
import { type Runbook, startRunbook } from '../support/runbook.js';

let book: Runbook;
let catalog: TestCluster;
let catalogUrl: string;
beforeAll(async () => {
  book = await startRunbook({ cluster: 'objectives: { rto: 1h, proven_within: 7d }' });
  catalog = await startTestCluster(book.shop.scratch, { name: 'catalog' });
  catalogUrl = `postgresql:///postgres?host=${encodeURIComponent(catalog.directory)}&port=5432&user=postgres`;
});
afterAll(async () => {
  await catalog.remove();
  await book.close();
});
afterEach(async () => expect(await leftovers(book.shop)).toEqual([]));

test('a catalog that dies in a drill stops nothing, and is told everything once when it is back', async () => {
  const kept = join(book.loaded.stateDirectory, 'catalog-behind');
  const wrap: Parameters<Runbook['withWorker']>[0] = {
    catalogUrl,
    wrap: (real) => ({
      validateRestore: async (input) => {
        await catalog.stop('immediate');
        return await real.validateRestore(input);
      },
    }),
  };
  const drilled = await book.withWorker(wrap, async () => {
    const handle = await book.start('drill', { cluster: 'shop', target: 'latest' });
    return (await handle.result()) as DrillResult;
  });
  expect(drilled.warnings.join()).toContain('The catalog could not be written');
  expect(drilled.evidencePath).toBeDefined();
  expect(await readdir(kept)).toHaveLength(1);
  // What only this host knows, and no file of the repository.
  const alarm = {
    cluster: 'shop',
    at: '2026-11-28T02:00:00.000Z',
    severity: 'critical',
    kind: 'clean_up_failed',
    message: 'It failed.',
    operation: 'test/alarm',
  } as const;
  await keepForLater(book.loaded.stateDirectory, [alarm, alarm]);

  await catalog.start();
  for (let time = 0; time < 2; time += 1)
    await book.withWorker({ catalogUrl }, async () => {
      await (await book.start('backup', { cluster: 'shop', type: 'incremental' })).result();
    });

  expect(await readdir(kept)).toEqual([]);
  const read = (sql: string): Promise<unknown[]> =>
    withCatalog(catalogUrl, async (client) => (await client.query<Record<string, unknown>>(sql)).rows);
  expect(await read('select kind, verdict, evidence_path from pgdrill.recovery_history')).toEqual([
    { kind: 'drill', verdict: drilled.verdict, evidence_path: drilled.evidencePath },
  ]);
  expect(await read('select kind, count(*)::int from pgdrill.monitoring_events group by kind order by kind')).toEqual([
    { kind: 'backup_completed', count: 3 },
    { kind: 'clean_up_failed', count: 1 },
    { kind: 'drill_unproven', count: 1 },
  ]);
  expect(await read('select count(*)::int from pgdrill.backup_history')).toEqual([{ count: 3 }]);
});
