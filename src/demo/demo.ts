import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { clusterOf } from '../configuration/cluster.js';
import { loadConfiguration, type LoadedConfiguration } from '../configuration/load.js';
import { stateDirectory } from '../configuration/state-directory.js';
import { applyFixes } from '../doctor/doctor.js';
import { stopCatalogServer } from '../embedded/catalog-server.js';
import { claimStateDirectory, type Stack, startStack } from '../embedded/stack.js';
import { makePrivateDirectory, writeFileDurably } from '../files/durable.js';
import { formatConninfo } from '../postgres/conninfo.js';
import { stopInstance } from '../postgres/instance.js';
import { removeSandbox, sandboxLayout } from '../restore/sandbox.js';
import { bytes, seconds } from '../schema/figures.js';
import { ensurePostgres, type PostgresTools } from '../toolchain/postgres.js';
import { ensureTemporal } from '../toolchain/temporal.js';
import { type Load, loadClients, loadTrouble, readShop, startLoad } from './load.js';
import { createSource, restartSource, type SourceCluster, sourceClusterIn } from './source-cluster.js';

export interface Demo {
  directory: string;
  loaded: LoadedConfiguration;
  source: SourceCluster;
  stack: Stack;
  /** What went wrong with the write load, should it have ended: then the source was not busy. */
  loadTrouble: () => Promise<string | undefined>;
  /** Ends every process and removes everything but the evidence. @returns where the evidence lies now. */
  end: () => Promise<string>;
}

/** Things that have to be stopped, in the order they were started. */
interface Parts {
  tools?: PostgresTools;
  load?: Load;
  stack?: Stack;
}

/**
 * Sets the demo up: a shop on a real PostgreSQL, busy; the embedded stack; the archive configured as `doctor --fix` does it.
 *
 * @param say told what happens, a line each.
 */
export async function startDemo(say: (line: string) => void, signal: AbortSignal): Promise<Demo> {
  const directory = join(stateDirectory(), 'demo');
  const source = sourceClusterIn(directory);
  const parts: Parts = {};
  const tools = (parts.tools = await ensurePostgres({ progress: say }));
  await ensureTemporal({ progress: say });
  await claimStateDirectory(directory);
  await clear(tools, directory, source);
  await makePrivateDirectory(directory);
  const end = () => endDemo(directory, source, parts);
  try {
    const configurationPath = join(directory, 'pgdrill.yaml');
    await writeFileDurably(configurationPath, demoConfiguration(directory, source));
    // The variable goes before the file: for us and the worker it has to name the demo's directory.
    process.env['PGDRILL_STATE'] = directory;
    const loaded = await loadConfiguration({ path: configurationPath });
    // Whatever the user's own Temporal is, the demo talks to its own.
    process.env['TEMPORAL_NAMESPACE'] = 'default';
    const stack = (parts.stack = await startStack({
      stateDirectory: directory,
      configurationPath,
      progress: say,
      signal,
    }));
    process.env['TEMPORAL_ADDRESS'] = stack.temporal.address;
    signal.throwIfAborted();

    const started = performance.now();
    say('creating the source cluster "shop" (pgbench scale 20 and a small shop)');
    await createSource(tools, source, signal);
    const shop = await readShop(source);
    say(
      `source cluster "shop" has ${bytes(shop.sizeBytes)} in ${shop.tables} tables (${seconds((performance.now() - started) / 1_000)})`,
    );
    const fixed = await applyFixes(clusterOf(loaded, 'shop'), source.admin);
    for (const line of fixed.done) say(`doctor --fix: ${line}`);
    say('restarting the source once, since archive_mode needs it');
    await restartSource(tools, source);
    signal.throwIfAborted();
    const load = (parts.load = await startLoad(tools, source, directory));
    say(`write load: ${loadClients} pgbench clients, busy until the demo ends`);
    return { directory, loaded, source, stack, end, loadTrouble: () => loadTrouble(load, directory) };
  } catch (error) {
    await end();
    throw error;
  }
}

async function endDemo(directory: string, source: SourceCluster, { tools, load, stack }: Parts): Promise<string> {
  await load?.stop();
  await stack?.stop();
  if (tools !== undefined) await clear(tools, directory, source);
  return join(directory, 'repository', 'evidence');
}

/** Stops and removes all of a demo, also of one that was killed. The evidence stays: it is what a drill is for. */
async function clear(tools: PostgresTools, directory: string, source: SourceCluster): Promise<void> {
  await stopInstance(tools, source.dataDirectory, 'immediate');
  const sandboxes = join(directory, 'sandboxes');
  for (const id of await readdir(sandboxes).catch(() => [])) await removeSandbox(tools, sandboxLayout(id, sandboxes));
  await stopCatalogServer(tools, directory);
  await removeAllBut(directory, ['repository']);
  await removeAllBut(join(directory, 'repository'), ['evidence']);
  await rm(source.socketDirectory, { recursive: true, force: true });
}

async function removeAllBut(directory: string, kept: readonly string[]): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names.filter((each) => !kept.includes(each)))
    await rm(join(directory, name), { recursive: true, force: true });
}

function demoConfiguration(directory: string, source: SourceCluster): string {
  return `# Written by the demo; a real one looks just like it (docs/configuration.md).
state_directory: ${directory}
clusters:
  shop:
    connection: ${formatConninfo(source.connection)}
    repository: ${join(directory, 'repository')}
    objectives:
      rto: 5m
      rpo: 5m
    checks:
      revenue:
        sql: select sum(total) from orders
        expect: { equals: source }
      orders without a customer:
        sql: select count(*) from orders o where not exists (select from customers c where c.id = o.customer_id)
        expect: { value: 0 }
      newest order:
        sql: select max(updated_at) from orders
        expect: { max_age: 1m }
`;
}
