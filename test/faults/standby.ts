import { join } from 'node:path';

import { makePrivateDirectory } from '../../src/files/durable.js';
import { formatConninfo } from '../../src/postgres/conninfo.js';
import { withConnection } from '../../src/postgres/connection.js';
import { launchInstance, stopInstance, waitUntilReady } from '../../src/postgres/instance.js';
import { runTool } from '../../src/process/run-tool.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import { eventually } from '../support/programs.js';
import type { ProtectedCluster } from '../support/protected-cluster.js';
import { crashSource } from './source.js';

export interface Standby {
  /** The primary dies, the standby is promoted and takes over its address. */
  takeOver: () => Promise<void>;
  remove: () => Promise<void>;
}

/** A streaming standby of a protected cluster. */
export async function makeStandby(shop: ProtectedCluster): Promise<Standby> {
  const directory = join(shop.scratch, 'standby');
  const dataDirectory = join(directory, 'data');
  const logFile = join(directory, 'server.log');
  await makePrivateDirectory(directory);
  await runTool({
    file: toolPath(shop.tools, 'pg_basebackup'),
    args: [
      `--dbname=${formatConninfo(shop.admin)}`,
      `--pgdata=${dataDirectory}`,
      '--checkpoint=fast',
      '--no-sync',
      '--write-recovery-conf',
    ],
    env: toolEnvironment(shop.tools),
  });
  const launch = async (socketDirectory: string): Promise<void> => {
    const settings = { listen_addresses: '', unix_socket_directories: socketDirectory, fsync: 'off' };
    await launchInstance(shop.tools, { dataDirectory, logFile, settings });
    await waitUntilReady(dataDirectory, { logFile, timeoutMs: 60_000 });
  };
  await launch(directory);
  await eventually('the standby to stream', async () => {
    const [row] = await shop.sql<{ streams: boolean }>(
      `select exists (select from pg_stat_replication where state = 'streaming') as streams`,
    );
    return row?.streams === true ? true : undefined;
  });
  return {
    takeOver: async () => {
      await eventually('the standby to have everything', async () => {
        const [row] = await shop.sql<{ behind: boolean }>(
          `select exists (select from pg_stat_replication where application_name = 'walreceiver' and replay_lsn < pg_current_wal_lsn()) as behind`,
        );
        return row?.behind === false ? true : undefined;
      });
      await crashSource(shop);
      await withConnection({ ...shop.admin, host: directory }, (client) => client.query('select pg_promote()'));
      await stopInstance(shop.tools, dataDirectory, 'fast');
      await launch(shop.source.directory);
    },
    remove: async () => {
      await stopInstance(shop.tools, dataDirectory, 'immediate');
    },
  };
}
