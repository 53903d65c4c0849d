import { setTimeout as sleep } from 'node:timers/promises';

import { Client, Connection } from '@temporalio/client';

import { startTemporalServer } from '../../src/embedded/temporal-server.js';
import { endGroup, signalGroup } from '../../src/process/kill-group.js';
import { ensureTemporal } from '../../src/toolchain/temporal.js';
import { freePort, makeScratch, removeScratch } from '../support/scratch.js';

/** A Temporal server that can be hurt: it keeps its state in a file, as a real one does in its database. */
export interface FragileTemporal {
  client: Client;
  env: Record<string, string>;
  /** Dies at once, with everything that it had not written down. */
  kill: () => Promise<void>;
  /** Comes back on the same port and the same database. */
  restart: () => Promise<void>;
  /** Holds still: connections stay open and nobody answers. */
  freeze: () => void;
  thaw: () => void;
  stop: () => Promise<void>;
}

export async function startFragileTemporal(): Promise<FragileTemporal> {
  const directory = await makeScratch();
  const executable = await ensureTemporal({ progress: () => undefined });
  const [port, uiPort] = [await freePort(), await freePort()];
  const launch = (): ReturnType<typeof startTemporalServer> =>
    startTemporalServer({ executable, directory, port, uiPort });
  let server = await launch();
  const connection = await Connection.connect({ address: server.address });
  return {
    client: new Client({ connection }),
    env: { TEMPORAL_ADDRESS: server.address, TEMPORAL_NAMESPACE: 'default' },
    kill: async () => {
      signalGroup(server.process.pid, 'SIGKILL');
      await sleep(200);
    },
    restart: async () => {
      server = await launch();
    },
    freeze: () => void signalGroup(server.process.pid, 'SIGSTOP'),
    thaw: () => void signalGroup(server.process.pid, 'SIGCONT'),
    stop: async () => {
      signalGroup(server.process.pid, 'SIGCONT');
      await connection.close();
      await endGroup(server.process.pid);
      await removeScratch(directory);
    },
  };
}
