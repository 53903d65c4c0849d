import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { makePrivateDirectory } from '../../src/files/durable.js';
import type { Conninfo } from '../../src/postgres/conninfo.js';
import { withConnection } from '../../src/postgres/connection.js';
import { launchInstance, stopInstance, waitUntilReady } from '../../src/postgres/instance.js';
import { runTool } from '../../src/process/run-tool.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';

/** A directory for servers of a script; `remove` stops those that were started in it and takes all of it away. */
export interface ScratchServers {
  tools: PostgresTools;
  path: string;
  /** Starts the server whose data lie in `<directory>/data`, on a socket in `directory` only. */
  start: (directory: string, settings: Readonly<Record<string, string>>) => Promise<Conninfo>;
  stop: (directory: string) => Promise<void>;
  /** @returns all that the program printed. */
  tool: (name: string, args: readonly string[], signal?: AbortSignal) => Promise<string>;
  remove: () => Promise<void>;
}

export async function openScratch(tools: PostgresTools): Promise<ScratchServers> {
  const outer = await mkdtemp('/tmp/pgdrill-script-');
  await chmod(outer, 0o755);
  const path = join(outer, 's');
  await makePrivateDirectory(path);
  const running = new Set<string>();
  const stop = async (directory: string): Promise<void> => {
    running.delete(directory);
    await stopInstance(tools, join(directory, 'data'), 'immediate');
  };
  return {
    tools,
    path,
    start: async (directory, settings) => {
      const dataDirectory = join(directory, 'data');
      const logFile = join(directory, 'server.log');
      running.add(directory);
      await launchInstance(tools, {
        dataDirectory,
        logFile,
        settings: { listen_addresses: '', unix_socket_directories: directory, fsync: 'off', ...settings },
      });
      await waitUntilReady(dataDirectory, { logFile, timeoutMs: 60_000 });
      return { host: directory, port: '5432', user: 'postgres', dbname: 'postgres' };
    },
    stop,
    tool: async (name, args, signal) => {
      const env = toolEnvironment(tools);
      const { stdout, stderr } = await runTool({
        file: toolPath(tools, name),
        args,
        env,
        ...(signal === undefined ? {} : { signal }),
      });
      return (stdout + stderr).trim();
    },
    remove: async () => {
      for (const directory of running) await stop(directory);
      await rm(outer, { recursive: true, force: true });
    },
  };
}

/** Runs statements one by one. @returns the rows of the last. */
export async function runSql<Row extends object>(connection: Conninfo, ...statements: string[]): Promise<Row[]> {
  return await withConnection(connection, async (client) => {
    let rows: Row[] = [];
    for (const statement of statements) rows = (await client.query<Row>(statement)).rows;
    return rows;
  });
}
