import { join } from 'node:path';

import { makePrivateDirectory } from '../../src/files/durable.js';
import { formatConninfo } from '../../src/postgres/conninfo.js';
import { connect } from '../../src/postgres/connection.js';
import { launchInstance, stopInstance, waitUntilReady } from '../../src/postgres/instance.js';
import { runTool } from '../../src/process/run-tool.js';
import type { TestCluster } from '../support/cluster.js';

/**
 * A physical copy of a cluster that is stopped, in a directory of its own. It is not started.
 *
 * @param name of the directory inside the scratch directory.
 */
export async function copyCluster(source: TestCluster, scratch: string, name: string): Promise<TestCluster> {
  const directory = join(scratch, name);
  const dataDirectory = join(directory, 'data');
  const logFile = join(directory, 'server.log');
  const pairs = { host: directory, port: '5432', user: 'postgres', dbname: 'postgres' };
  await makePrivateDirectory(directory);
  // cp as the server user: the copy must belong to it.
  await runTool({ file: '/bin/cp', args: ['-a', source.dataDirectory, dataDirectory] });
  const stop = (mode: 'fast' | 'immediate' = 'fast'): Promise<void> => stopInstance(source.tools, dataDirectory, mode);
  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<void> => {
    const base = { listen_addresses: '', unix_socket_directories: directory, fsync: 'off' };
    await launchInstance(source.tools, { dataDirectory, logFile, settings: { ...base, ...settings } });
    await waitUntilReady(dataDirectory, { logFile, timeoutMs: 60_000 });
  };
  return {
    tools: source.tools,
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
    remove: () => stop('immediate'),
  };
}
