import { migrate } from '../../src/catalog/migrate.js';
import type { Connection } from '../../src/postgres/connection.js';
import { startTestCluster, type TestCluster } from '../support/cluster.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

/** A cluster with an empty catalog in its database `postgres`, and a connection to it. */
export async function startCatalog(settings: Readonly<Record<string, string>> = {}): Promise<{
  cluster: TestCluster;
  client: Connection;
  remove: () => Promise<void>;
}> {
  const scratch = await makeScratch();
  const cluster = await startTestCluster(scratch, { settings });
  const client = await cluster.connect();
  await migrate(client);
  const remove = async (): Promise<void> => {
    await client.end();
    await cluster.remove();
    await removeScratch(scratch);
  };
  return { cluster, client, remove };
}
