import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { makePrivateDirectory } from '../../src/files/durable.js';
import type { Conninfo } from '../../src/postgres/conninfo.js';
import { formatConninfo } from '../../src/postgres/conninfo.js';
import { type Connection, connect } from '../../src/postgres/connection.js';
import { initdb, launchInstance, stopInstance, waitUntilReady } from '../../src/postgres/instance.js';
import { runTool } from '../../src/process/run-tool.js';
import { ensurePostgres, type PostgresTools } from '../../src/toolchain/postgres.js';
import { onceARun } from './once-a-run.js';

/** A real PostgreSQL cluster in a scratch directory, on a Unix socket only. */
export interface TestCluster {
  tools: PostgresTools;
  directory: string;
  dataDirectory: string;
  logFile: string;
  /** Connection string as its superuser `postgres`. */
  conninfo: (overrides?: Conninfo) => string;
  connect: (overrides?: Conninfo) => Promise<Connection>;
  start: (settings?: Readonly<Record<string, string>>) => Promise<void>;
  stop: (mode?: 'fast' | 'immediate') => Promise<void>;
  restart: (settings?: Readonly<Record<string, string>>) => Promise<void>;
  /** Stops it and removes its directory. */
  remove: () => Promise<void>;
}

/** PostgreSQL for tests: version 17 unless asked otherwise. */
export async function testTools(major: 17 | 18 = 17): Promise<PostgresTools> {
  return await ensurePostgres({ progress: () => undefined, major });
}

/**
 * Makes and starts a cluster with durability off, since tests do not cut the power.
 *
 * @param options.settings server settings on top, such as `summarize_wal: 'on'`.
 * @param options.ownIdentity a system identifier of its own. Else it is a copy of what `initdb` made once for all suites of the run, at a
 *   third of the cost: clusters of the same major and arguments then have the same.
 * @param options.fill puts a data directory there in another way.
 */
export async function startTestCluster(
  scratch: string,
  options: {
    name?: string;
    settings?: Readonly<Record<string, string>>;
    initdbArgs?: readonly string[];
    major?: 17 | 18;
    ownIdentity?: boolean;
    fill?: (dataDirectory: string) => Promise<void>;
  } = {},
): Promise<TestCluster> {
  const tools = await testTools(options.major ?? 17);
  const directory = join(scratch, options.name ?? 'source');
  const dataDirectory = join(directory, 'data');
  const logFile = join(directory, 'server.log');
  await makePrivateDirectory(directory);
  const args = options.initdbArgs ?? [];
  if (options.fill !== undefined) await options.fill(dataDirectory);
  else if (options.ownIdentity === true) await makeCluster(tools, dataDirectory, args);
  else await copyDirectory(await template(tools, args), dataDirectory);
  const base = {
    listen_addresses: '',
    unix_socket_directories: directory,
    fsync: 'off',
    max_wal_size: '512MB',
    ...options.settings,
  };
  const pairs = { host: directory, port: '5432', user: 'postgres', dbname: 'postgres' };
  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<void> => {
    await launchInstance(tools, { dataDirectory, logFile, settings: { ...base, ...settings } });
    await waitUntilReady(dataDirectory, { logFile, timeoutMs: 60_000 });
  };
  const stop = (mode: 'fast' | 'immediate' = 'fast'): Promise<void> => stopInstance(tools, dataDirectory, mode);
  await start();
  return {
    tools,
    directory,
    dataDirectory,
    logFile,
    conninfo: (overrides = {}) => formatConninfo({ ...pairs, ...overrides }),
    connect: (overrides = {}) => connect({ ...pairs, ...overrides }),
    start,
    stop,
    restart: async (settings) => {
      await stop();
      await start(settings);
    },
    remove: async () => {
      await stop('immediate');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function makeCluster(tools: PostgresTools, dataDirectory: string, args: readonly string[]): Promise<void> {
  await initdb(tools, dataDirectory, { superuser: 'postgres', args: ['--no-sync', ...args] });
}

async function template(tools: PostgresTools, args: readonly string[]): Promise<string> {
  return await onceARun(templateName('cluster', tools.major, args), (path) => makeCluster(tools, path, args));
}

/** For `onceARun`. */
export function templateName(kind: string, major: number, args: readonly string[]): string {
  return `${kind}-${major}-${createHash('sha256').update(JSON.stringify(args)).digest('hex').slice(0, 8)}`;
}

/** As the server user: what it copies must belong to it. */
export async function copyDirectory(from: string, to: string): Promise<void> {
  await runTool({ file: '/bin/cp', args: ['-a', '--reflink=auto', from, to] });
}
