import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { ToolchainError, UsageError } from '../errors.js';
import { makePrivateDirectory } from '../files/durable.js';
import { endGroup } from '../process/kill-group.js';
import { isRunning, type ProcessIdentity, thisProcess } from '../process/process-identity.js';
import { spawnDetached } from '../process/spawn-detached.js';
import { ensurePostgres, type PostgresTools } from '../toolchain/postgres.js';
import { ensureTemporal } from '../toolchain/temporal.js';
import { type CatalogServer, catalogUrlOf, startCatalogServer, stopCatalogServer } from './catalog-server.js';
import { readAnyDevState, readDevState, removeDevState, writeDevState } from './dev-state.js';
import { portIsFree, wantedOrFreePort } from './ports.js';
import { startTemporalServer, type TemporalServer } from './temporal-server.js';

export const defaultPort = 7233;
export const defaultUiPort = 8233;

/** What the worker says once it gets work (workers/worker.ts). */
const pollingMark = 'pgdrill worker: polling';

/** Built beside us. It runs as a process of its own, so that it can die, and be killed, alone. */
const workerFile = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'workers', 'worker.js');

export interface StackRequest {
  stateDirectory: string;
  /** The configuration file for the worker. */
  configurationPath: string;
  progress: (line: string) => void;
  /** Default: Temporal's own; undefined lets another be chosen where that is taken. */
  port?: number | undefined;
  uiPort?: number | undefined;
  /** Nothing is written into a catalog: one server less, where a recovery is all that is wanted. */
  withoutCatalog?: boolean;
  signal?: AbortSignal;
}

export interface Stack {
  temporal: TemporalServer;
  /** Absent where none was wanted. */
  catalog: CatalogServer | undefined;
  worker: ProcessIdentity;
  workerLog: string;
  tools: PostgresTools;
  stop: () => Promise<void>;
}

/**
 * Starts all that pgdrill needs beside the clusters themselves: Temporal with its Web UI, the catalog, and a worker. State is kept in
 * the state directory, so that the next start finds its history.
 *
 * @throws UsageError when one runs already there or a wanted port is taken.
 */
export async function startStack(request: StackRequest): Promise<Stack> {
  const { stateDirectory, progress } = request;
  await claimStateDirectory(stateDirectory);
  await makePrivateDirectory(stateDirectory);
  const tools = await ensurePostgres({ progress });
  const executable = await ensureTemporal({ progress });
  const ports = await choosePorts(request);
  // Written down before each is waited for: a stack that is killed while it starts leaves nothing that the next one cannot find.
  const children: ProcessIdentity[] = [];
  const noteChild = async (child: ProcessIdentity): Promise<void> => {
    children.push(child);
    await writeDevState(stateDirectory, {
      ...thisProcess(),
      temporalAddress: `127.0.0.1:${ports.port}`,
      uiUrl: `http://127.0.0.1:${ports.uiPort}`,
      ...(request.withoutCatalog === true ? {} : { catalogUrl: catalogUrlOf(stateDirectory) }),
      children,
    });
  };
  const stop = async (): Promise<void> => {
    for (const child of [...children].reverse()) if (isRunning(child)) await endGroup(child.pid);
    await stopCatalogServer(tools, stateDirectory);
    await removeDevState(stateDirectory);
  };
  try {
    progress(`starting Temporal on 127.0.0.1:${ports.port}`);
    const temporal = await startTemporalServer({
      executable,
      directory: stateDirectory,
      ...ports,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      onSpawn: noteChild,
    });
    let catalog: CatalogServer | undefined;
    if (request.withoutCatalog !== true) {
      progress('starting the catalog database');
      catalog = await startCatalogServer(tools, stateDirectory);
    }
    const workerLog = join(stateDirectory, 'worker.log');
    await rm(workerLog, { force: true }); // an earlier one's last words would be taken for this one's
    progress('starting the worker');
    const worker = await spawnDetached({
      file: process.execPath,
      args: ['--enable-source-maps', workerFile],
      logFile: workerLog,
      env: {
        PGDRILL_CONFIG: request.configurationPath,
        PGDRILL_CATALOG_URL: catalog?.url,
        TEMPORAL_ADDRESS: temporal.address,
      },
    });
    await noteChild(worker);
    await waitUntilPolling(worker, workerLog, request.signal);
    return { temporal, catalog, worker, workerLog, tools, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Makes sure that no other stack runs in a state directory, and ends what a dead one left.
 *
 * @throws UsageError when one runs.
 */
export async function claimStateDirectory(stateDirectory: string): Promise<void> {
  await refuseSecond(stateDirectory);
  await reapDead(stateDirectory);
}

/** A worker loads its tools and code for a moment before it polls. @throws ToolchainError with its last words when it dies meanwhile. */
async function waitUntilPolling(worker: ProcessIdentity, logFile: string, signal?: AbortSignal): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    const log = await readFile(logFile, 'utf8');
    if (log.includes(pollingMark)) return;
    if (!isRunning(worker)) {
      throw new ToolchainError({
        what: `The worker did not start: ${log.trim().split('\n').slice(-5).join('\n')}`,
        means: 'Without it no step of a workflow runs.',
        todo: `Mend what it says; its log is ${logFile}.`,
      });
    }
    await sleep(100);
  }
}

async function refuseSecond(stateDirectory: string): Promise<void> {
  const running = await readDevState(stateDirectory);
  if (running === undefined) return;
  throw new UsageError({
    what: `A stack runs already for ${stateDirectory} (process ${running.pid}, Temporal at ${running.temporalAddress}).`,
    means: 'Two would write into the same files.',
    todo: `Use that one (${running.uiUrl}), or stop it with Ctrl-C (kill ${running.pid}).`,
  });
}

/** A stack that was killed leaves its children: they hold the ports and files that we need. */
async function reapDead(stateDirectory: string): Promise<void> {
  const dead = await readAnyDevState(stateDirectory);
  for (const child of dead?.children ?? []) if (isRunning(child)) await endGroup(child.pid);
  await removeDevState(stateDirectory);
}

async function choosePorts(request: StackRequest): Promise<{ port: number; uiPort: number }> {
  for (const port of [request.port, request.uiPort]) {
    if (port === undefined || (await portIsFree(port))) continue;
    throw new UsageError({
      what: `Port ${port} is taken.`,
      means: 'Another program (perhaps another Temporal server) listens there.',
      todo: 'Stop it, or choose other ports with --port and --ui-port.',
    });
  }
  return {
    port: request.port ?? (await wantedOrFreePort(defaultPort)),
    uiPort: request.uiPort ?? (await wantedOrFreePort(defaultUiPort)),
  };
}
