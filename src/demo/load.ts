import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { writeFileDurably } from '../files/durable.js';
import { withConnection } from '../postgres/connection.js';
import { endGroup } from '../process/kill-group.js';
import { isRunning, type ProcessIdentity } from '../process/process-identity.js';
import { spawnDetached } from '../process/spawn-detached.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';
import { visitScript } from './shop-schema.js';
import type { SourceCluster } from './source-cluster.js';

export const loadClients = 4;
/** Transactions a second: a steady load that leaves a small machine room for the drill itself. */
const loadRate = 300;

export interface Load {
  process: ProcessIdentity;
  stop: () => Promise<void>;
}

/** Starts a constant write load on the shop, until it is stopped. */
export async function startLoad(tools: PostgresTools, source: SourceCluster, directory: string): Promise<Load> {
  const script = join(directory, 'visit.sql');
  await writeFileDurably(script, visitScript);
  const process = await spawnDetached({
    file: toolPath(tools, 'pgbench'),
    args: [
      '--no-vacuum',
      `--client=${loadClients}`,
      `--rate=${loadRate}`,
      '--time=86400',
      '--builtin=tpcb-like@2',
      `--file=${script}@1`,
      `--host=${source.socketDirectory}`,
      '--username=postgres',
      'shop',
    ],
    logFile: join(directory, 'load.log'),
    env: toolEnvironment(tools),
  });
  return {
    process,
    stop: async () => {
      if (isRunning(process)) await endGroup(process.pid);
    },
  };
}

/** Whether the load really runs: what it printed, should it have ended. */
export async function loadTrouble(load: Load, directory: string): Promise<string | undefined> {
  if (isRunning(load.process)) return undefined;
  return (await readFile(join(directory, 'load.log'), 'utf8').catch(() => '')).trim().split('\n').slice(-3).join('\n');
}

/** Transactions that the shop has committed so far, and its size in bytes. */
export async function readShop(
  source: SourceCluster,
): Promise<{ committed: number; sizeBytes: number; tables: number }> {
  return await withConnection(source.admin, async (client) => {
    const { rows } = await client.query<{ committed: string; size: string; tables: string }>(
      `select xact_commit::text as committed,
              pg_database_size(datname)::text as size,
              (select count(*)::text from pg_stat_user_tables) as tables
         from pg_stat_database
        where datname = current_database()`,
    );
    const [row] = rows;
    return { committed: Number(row?.committed), sizeBytes: Number(row?.size), tables: Number(row?.tables) };
  });
}
