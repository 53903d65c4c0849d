import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { exists, makePrivateDirectory } from '../files/durable.js';
import { makeSocketDirectory, socketDirectoryOf } from '../files/socket-directory.js';
import { withConnection } from '../postgres/connection.js';
import { initdb, instanceStatus, launchInstance, stopInstance, waitUntilReady } from '../postgres/instance.js';
import type { PostgresTools } from '../toolchain/postgres.js';

export interface CatalogServer {
  url: string;
  dataDirectory: string;
}

/** Starts (and on first use makes) the embedded catalog: a small PostgreSQL on a private Unix socket. Running already is fine. */
export async function startCatalogServer(tools: PostgresTools, stateDirectory: string): Promise<CatalogServer> {
  const directory = join(stateDirectory, 'catalog');
  const dataDirectory = join(directory, 'data');
  const logFile = join(directory, 'server.log');
  const socketDirectory = socketDirectoryOf(dataDirectory);
  await makePrivateDirectory(directory);
  await makeSocketDirectory(socketDirectory);
  if (!(await exists(join(dataDirectory, 'PG_VERSION')))) await initdb(tools, dataDirectory, { superuser: 'pgdrill' });
  if ((await instanceStatus(dataDirectory)) === undefined) {
    await launchInstance(tools, {
      dataDirectory,
      logFile,
      settings: {
        listen_addresses: '',
        unix_socket_directories: socketDirectory,
        unix_socket_permissions: '0700',
        port: '5432',
        shared_buffers: '32MB',
      },
    });
  }
  await waitUntilReady(dataDirectory, { logFile, timeoutMs: 60_000 });
  const conninfo = { host: socketDirectory, port: '5432', user: 'pgdrill', dbname: 'postgres' };
  await withConnection(conninfo, async (client) => {
    const { rowCount } = await client.query(`select from pg_database where datname = 'pgdrill'`);
    if (rowCount === 0) await client.query(`create database pgdrill`);
  });
  return { url: catalogUrlOf(stateDirectory), dataDirectory };
}

/** Where the embedded catalog of a state directory answers once it runs. */
export function catalogUrlOf(stateDirectory: string): string {
  const socketDirectory = socketDirectoryOf(join(stateDirectory, 'catalog', 'data'));
  return `postgresql:///pgdrill?host=${encodeURIComponent(socketDirectory)}&port=5432&user=pgdrill`;
}

/** Stops the embedded catalog of a state directory, if it runs. */
export async function stopCatalogServer(tools: PostgresTools, stateDirectory: string): Promise<void> {
  const dataDirectory = join(stateDirectory, 'catalog', 'data');
  await stopInstance(tools, dataDirectory, 'fast');
  await rm(socketDirectoryOf(dataDirectory), { recursive: true, force: true });
}
