import type { WorkflowHandle } from '@temporalio/client';

import type { LoadedConfiguration } from '../../src/configuration/load.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import { startTestCluster, type TestCluster } from './cluster.js';
import { configure } from './pgdrill-config.js';
import { protectCluster, type ProtectedCluster, type ProtectOptions } from './protected-cluster.js';
import { start, startTestTemporal, startWorker, type TestTemporal, withWorker, workflowBundle } from './temporal.js';

/**
 * All that a test of workflows needs: Temporal, a protected cluster with something in it, its pgdrill.yaml, and workers inside the test.
 *
 *   let book: Runbook;
 *   beforeAll(async () => (book = await startRunbook({ cluster: 'gates: [promote]', worker: true })));
 *   afterAll(() => book.close());
 *   afterEach(async () => expect(await leftovers(book.shop)).toEqual([]));
 *
 *   const handle = await book.start('drill', { cluster: 'shop' });
 *
 * Unless told otherwise there is a table `orders` with a column `id` of 1 to 1000, and one full backup of it. The programs (`pgdrill` and
 * `launchWorker` of programs.ts) find all this by `book.env`. Where a worker of its own serves one test: `book.withWorker`.
 */
export interface Runbook {
  temporal: TestTemporal;
  shop: ProtectedCluster;
  loaded: LoadedConfiguration;
  env: Record<string, string>;
  /** Those that `backups` asked for, in this order. */
  backups: BackupRecord[];
  /** Of a new, empty database, for the option `catalogUrl`. */
  catalogUrl: () => Promise<string>;
  /** Starts a workflow with any input, right or wrong. */
  start: (kind: Parameters<typeof start>[2], input: unknown) => Promise<WorkflowHandle>;
  withWorker: <T>(options: Parameters<typeof startWorker>[2], work: () => Promise<T>) => Promise<T>;
  /** Ends and removes it all. */
  close: () => Promise<void>;
}

export interface RunbookOptions {
  /** How the cluster is made. */
  protect?: ProtectOptions;
  /** Run in it, as superuser, before the backups. */
  sql?: string;
  /** Taken one after the other; one full backup by default. */
  backups?: readonly ('full' | 'incremental')[];
  /** YAML on top of the file's own. */
  top?: string;
  /** YAML on top of the cluster's own, unindented. */
  cluster?: string;
  /** A worker from now until the end. */
  worker?: true;
}

const orders = 'create table orders (id int); insert into orders select generate_series(1, 1000)';

export async function startRunbook(options: RunbookOptions = {}): Promise<Runbook> {
  const { sql = orders, backups: types = ['full'] } = options;
  let catalogs: Promise<TestCluster> | undefined;
  let databases = 0;
  // Most of each is waiting.
  const [temporal, shop] = await Promise.all([startTestTemporal(), protectCluster(options.protect), workflowBundle()]);
  await shop.sql(sql);
  const backups: BackupRecord[] = [];
  for (const type of types) backups.push(await shop.backup(type));
  const loaded = await configure(shop, {
    ...(options.top === undefined ? {} : { top: options.top }),
    ...(options.cluster === undefined ? {} : { cluster: options.cluster }),
  });
  const worker = options.worker === true ? await startWorker(temporal, loaded) : undefined;
  return {
    temporal,
    shop,
    loaded,
    env: { ...temporal.env, PGDRILL_CONFIG: loaded.path },
    backups,
    catalogUrl: async () => {
      catalogs ??= startTestCluster(shop.scratch, { name: 'catalog' });
      const client = await (await catalogs).connect();
      const database = `catalog_${++databases}`;
      await client.query(`create database ${database}`);
      await client.end();
      return `postgresql:///${database}?host=${encodeURIComponent((await catalogs).directory)}&port=5432&user=postgres`;
    },
    start: (kind, input) => start(temporal, loaded, kind, input),
    withWorker: (workerOptions, work) => withWorker(temporal, loaded, workerOptions, work),
    close: async () => {
      await worker?.stop();
      await (await catalogs)?.stop('immediate');
      await shop.remove();
      await temporal.stop();
    },
  };
}
