import { join } from 'node:path';

import { makePrivateDirectory } from '../files/durable.js';
import { makeSocketDirectory, socketDirectoryOf } from '../files/socket-directory.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { withConnection } from '../postgres/connection.js';
import { initdb, launchInstance, stopInstance, waitUntilReady } from '../postgres/instance.js';
import { runTool } from '../process/run-tool.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';
import { roleSql } from '../setup/role-sql.js';
import { shopSql } from './shop-schema.js';

/** pgbench scale 20: two million accounts, 300 MB with their index. */
const pgbenchScale = 20;

export interface SourceCluster {
  dataDirectory: string;
  logFile: string;
  socketDirectory: string;
  /** As its superuser, for setting it up. */
  admin: Conninfo;
  /** As the least-privileged role that pgdrill uses. */
  connection: Conninfo;
}

export function sourceClusterIn(directory: string): SourceCluster {
  const dataDirectory = join(directory, 'source', 'data');
  const socketDirectory = socketDirectoryOf(dataDirectory);
  const address = { host: socketDirectory, port: '5432', dbname: 'shop' };
  return {
    dataDirectory,
    logFile: join(directory, 'source', 'server.log'),
    socketDirectory,
    admin: { ...address, user: 'postgres' },
    connection: { ...address, user: 'pgdrill' },
  };
}

/** Makes the demo's source: an ordinary PostgreSQL with a shop in it, not yet set up for pgdrill. */
export async function createSource(tools: PostgresTools, source: SourceCluster, signal: AbortSignal): Promise<void> {
  await makePrivateDirectory(join(source.dataDirectory, '..'));
  await initdb(tools, source.dataDirectory, { superuser: 'postgres', args: ['--data-checksums'], signal });
  await startSource(tools, source);
  await withConnection({ ...source.admin, dbname: 'postgres' }, (client) => client.query('create database shop'), {
    signal,
  });
  await runTool({
    file: toolPath(tools, 'pgbench'),
    args: [
      '--initialize',
      '--quiet',
      `--scale=${pgbenchScale}`,
      '--host',
      source.socketDirectory,
      '--username=postgres',
      'shop',
    ],
    env: toolEnvironment(tools),
    signal,
  });
  await withConnection(source.admin, (client) => client.query(shopSql), { signal });
  await withConnection(source.admin, (client) => client.query(roleSql('pgdrill')), { signal });
}

export async function startSource(tools: PostgresTools, source: SourceCluster): Promise<void> {
  await makeSocketDirectory(source.socketDirectory);
  await launchInstance(tools, {
    dataDirectory: source.dataDirectory,
    logFile: source.logFile,
    settings: {
      listen_addresses: '',
      unix_socket_directories: source.socketDirectory,
      unix_socket_permissions: '0700',
      port: '5432',
      max_wal_size: '2GB',
    },
  });
  await waitUntilReady(source.dataDirectory, { logFile: source.logFile, timeoutMs: 60_000 });
}

export async function restartSource(tools: PostgresTools, source: SourceCluster): Promise<void> {
  await stopInstance(tools, source.dataDirectory, 'fast');
  await startSource(tools, source);
}
