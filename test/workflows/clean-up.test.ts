import { ApplicationFailure } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { withCatalog } from '../../src/catalog/catalog.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import { leftovers } from '../support/leftovers.js';
import { configure } from '../support/pgdrill-config.js';
import { eventually } from '../support/programs.js';
import type { ProtectedCluster } from '../support/protected-cluster.js';
import { startRunbook, type Runbook } from '../support/runbook.js';
import { start, type TestTemporal, withWorker } from '../support/temporal.js';

let book: Runbook;
let temporal: TestTemporal;
let shop: ProtectedCluster;

beforeAll(async () => {
  book = await startRunbook({ sql: 'create table orders (id int)' });
  ({ temporal, shop } = book);
});

afterAll(() => book.close());

afterEach(async () => {
  expect(await leftovers(shop)).toEqual([]);
});

test('a cancel during the clean-up does not stop it', { timeout: 120_000 }, async () => {
  const loaded = await configure(shop);
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  await withWorker(
    temporal,
    loaded,
    {
      wrap: (real) => ({
        cleanUp: async (input) => {
          await released;
          await real.cleanUp(input);
        },
      }),
    },
    async () => {
      const handle = await start(temporal, loaded, 'drill', { cluster: 'shop', gates: ['promote'] });
      const progress = (): Promise<WorkflowProgress> => handle.query<WorkflowProgress>('progress');
      await eventually('the gate', async () => ((await progress()).waiting === undefined ? undefined : true));
      await handle.cancel();
      await eventually('the clean-up', async () => (await progress()).steps.at(-1)?.step === 'clean-up' || undefined);
      await handle.cancel();
      release();
      await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
      expect((await handle.describe()).status.name).toBe('CANCELLED');
      expect((await progress()).steps.at(-1)).toMatchObject({ step: 'clean-up', state: 'done' });
    },
  );
});

test('a clean-up that fails for good is an alarm, and the janitor mends it later', { timeout: 120_000 }, async () => {
  const catalogUrl = await book.catalogUrl();
  const loaded = await configure(shop);
  const cleanUp = (): Promise<never> => Promise.reject(ApplicationFailure.nonRetryable('The disk is gone.'));
  await withWorker(temporal, loaded, { catalogUrl, wrap: () => ({ cleanUp }) }, async () => {
    const handle = await start(temporal, loaded, 'drill', { cluster: 'shop' });
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    await withCatalog(catalogUrl, async (client) => {
      const { rows } = await client.query<object>(
        `select cluster, severity, message from pgdrill.monitoring_events where kind = 'clean_up_failed'`,
      );
      const message = `The clean-up of ${handle.workflowId} failed: The disk is gone. The janitor tries again; at once: pgdrill janitor`;
      expect(rows).toEqual([{ cluster: 'shop', severity: 'critical', message }]);
    });
    const swept = await start(temporal, loaded, 'janitor', { graceMs: 0 });
    // The sandbox, and the hold on what it was restored from.
    const { workflowId } = handle;
    expect(await swept.result()).toMatchObject({ removed: [{ workflowId }, { workflowId }] });
  });
});
