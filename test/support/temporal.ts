import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';

import { type Activities, createActivities } from '../../activities/index.js';
import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { startTemporalServer } from '../../src/embedded/temporal-server.js';
import { endGroup } from '../../src/process/kill-group.js';
import { ensureTemporal } from '../../src/toolchain/temporal.js';
import { createToolsFor } from '../../workers/tools-for.js';
import { bundleName, onceARun } from './once-a-run.js';
import { freePort, makeScratch, removeScratch } from './scratch.js';

/** A real Temporal dev server on loopback, with clients for it; one a test file. */
export interface TestTemporal {
  address: string;
  client: Client;
  connection: Connection;
  uiUrl: string;
  /** Runs workers inside the test's own process. */
  native: NativeConnection;
  /** What a command or a worker process needs to find this server, and nothing else's. */
  env: Record<string, string>;
  stop: () => Promise<void>;
}

let runtimeIsQuiet = false;

/** Failures of workflows and activities are what these tests are about: only what the SDK itself calls an error is shown. */
export function quietRuntime(): void {
  if (runtimeIsQuiet) return;
  runtimeIsQuiet = true;
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } },
    shutdownSignals: [],
  });
}

export async function startTestTemporal(): Promise<TestTemporal> {
  quietRuntime();
  const scratch = await makeScratch();
  const executable = await ensureTemporal({ progress: (line) => process.stderr.write(`${line}\n`) });
  const [port, uiPort] = [await freePort(), await freePort()];
  const server = await startTemporalServer({ executable, directory: scratch, port, uiPort });
  const connection = await Connection.connect({ address: server.address });
  const native = await NativeConnection.connect({ address: server.address });
  return {
    address: server.address,
    client: new Client({ connection }),
    connection,
    uiUrl: server.uiUrl,
    native,
    env: { TEMPORAL_ADDRESS: server.address, TEMPORAL_NAMESPACE: 'default' },
    stop: async () => {
      await native.close();
      await connection.close();
      await endGroup(server.process.pid);
      await removeScratch(scratch);
    },
  };
}

let bundle: Promise<{ code: string }> | undefined;

/** The workflows as they are in the checkout now, whatever dist holds; bundled once a run. */
export function workflowBundle(): Promise<{ code: string }> {
  bundle ??= onceARun(bundleName, async (path) => {
    const { code } = await bundleWorkflowCode({
      workflowsPath: join(import.meta.dirname, '..', '..', 'workflows', 'index.ts'),
      logger: new DefaultLogger('WARN'),
    });
    await writeFile(path, code);
  }).then(async (path) => ({ code: await readFile(path, 'utf8') }));
  return bundle;
}

export interface RunningWorker {
  stop: () => Promise<void>;
}

/**
 * A worker inside the test, with real activities, of which some may be wrapped.
 *
 * @param options.bundle other workflows than those of the checkout.
 * @param options.wrap gets the real activities and gives those that are to be replaced.
 */
export async function startWorker(
  temporal: TestTemporal,
  loaded: LoadedConfiguration,
  options: {
    catalogUrl?: string;
    bundle?: { code: string };
    wrap?: (real: Activities) => Partial<Activities>;
    searchable?: () => Promise<boolean>;
  } = {},
): Promise<RunningWorker> {
  const real = createActivities({
    loaded,
    toolsFor: createToolsFor(),
    catalogUrl: options.catalogUrl,
    ...(options.searchable === undefined ? {} : { searchable: options.searchable }),
  });
  const worker = await Worker.create({
    connection: temporal.native,
    namespace: 'default',
    taskQueue: loaded.configuration.temporal.task_queue,
    workflowBundle: options.bundle ?? (await workflowBundle()),
    activities: { ...real, ...options.wrap?.(real) },
    maxHeartbeatThrottleInterval: '1s',
  });
  const running = worker.run();
  // A worker that dies by itself shows as a failed stop, not as an unhandled rejection in the middle of another test.
  running.catch(() => undefined);
  return {
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await running;
    },
  };
}

/** Runs `work` while a worker polls. */
export async function withWorker<T>(
  temporal: TestTemporal,
  loaded: LoadedConfiguration,
  options: Parameters<typeof startWorker>[2],
  work: () => Promise<T>,
): Promise<T> {
  const worker = await startWorker(temporal, loaded, options);
  try {
    return await work();
  } finally {
    await worker.stop();
  }
}

let runs = 0;

/** Starts a workflow with any input, right or wrong. */
export async function start(
  temporal: TestTemporal,
  loaded: LoadedConfiguration,
  kind:
    | 'backup'
    | 'drill'
    | 'recover'
    | 'extract'
    | 'sabotageDrill'
    | 'janitor'
    | 'applyRetention'
    | 'consolidate'
    | 'streamWal'
    | 'verifyRepository',
  input: unknown,
): Promise<WorkflowHandle> {
  return await temporal.client.workflow.start(kind, {
    workflowId: `${kind}-test-${++runs}`,
    taskQueue: loaded.configuration.temporal.task_queue,
    args: [input],
  });
}
