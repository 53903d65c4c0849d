import type { Server } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Client } from '@temporalio/client';
import { NativeConnection, Runtime, type RuntimeOptions, Worker } from '@temporalio/worker';

import { createActivities } from '../activities/index.js';
import { catchUp, mirrorObjectives, withCatalog } from '../src/catalog/catalog.js';
import { scheduleJanitor } from '../src/client/janitor-schedule.js';
import { hasSearchAttributes, registerSearchAttributes } from '../src/client/search-attributes.js';
import { findTemporalAddress } from '../src/client/temporal-address.js';
import { clusterOf } from '../src/configuration/cluster.js';
import { type LoadedConfiguration, loadConfiguration } from '../src/configuration/load.js';
import { readDevState } from '../src/embedded/dev-state.js';
import { messageOf, PgdrillError, UnreachableError } from '../src/errors.js';
import { listRunningRuns } from '../src/client/running-runs.js';
import { Exposition } from '../src/metrics/exposition.js';
import { collectRepositories } from '../src/metrics/repository-gauges.js';
import { collectRuns } from '../src/metrics/run-gauges.js';
import { serveMetrics } from '../src/metrics/serve.js';
import { collectSources } from '../src/metrics/source-gauges.js';
import { StepCounters } from '../src/metrics/step-counters.js';
import { assertCanSign } from '../src/report/chain/sign.js';
import type { RunTraces } from '../src/tracing/run-traces.js';
import { tracesWanted } from '../src/tracing/wanted.js';
import { countSteps } from './count-steps.js';
import { createToolsFor } from './tools-for.js';
import { traceRuns } from './trace-runs.js';

/** As many long steps at once as a small host bears: each may run a tool that fills a disk and a core. */
const mostActivities = 4;

/** Built beside us: bundling takes seconds, so it is done once, at build time. */
const bundle = join(dirname(fileURLToPath(import.meta.url)), '..', 'workflow-bundle.js');

async function main(): Promise<void> {
  const loaded = await loadConfiguration();
  await assertCanSign(loaded.configuration.evidence.signing_key);
  const { namespace, address, connectionOptions } = await findTemporalAddress(loaded.stateDirectory);
  const dev = await readDevState(loaded.stateDirectory);
  // SIGTERM: no new steps, running ones get a moment, then they are cancelled and go to the next worker.
  Runtime.install({ shutdownSignals: ['SIGTERM', 'SIGINT'], ...temporalMetrics(loaded) });
  const connection = await NativeConnection.connect(connectionOptions).catch((error: unknown) => {
    throw new UnreachableError(
      {
        what: `Temporal at ${address} cannot be reached: ${messageOf(error)}`,
        means: 'The worker gets no work.',
        todo: 'Start it (pgdrill dev), or correct TEMPORAL_ADDRESS.',
      },
      { cause: error },
    );
  });
  const taskQueue = loaded.configuration.temporal.task_queue;
  const counters = new StepCounters();
  const client = new Client({ connection, namespace });
  const traces = await startTraces();
  const streams = Object.values(loaded.configuration.clusters).filter(({ wal }) => wal.mode === 'stream').length;
  try {
    const unregistered = await registerSearchAttributes(connection, namespace);
    if (unregistered !== undefined) console.error(`pgdrill worker: search attributes: ${unregistered}`);
    const worker = await Worker.create({
      connection,
      namespace,
      taskQueue,
      workflowBundle: { codePath: bundle },
      activities: createActivities({
        loaded,
        toolsFor: createToolsFor(),
        catalogUrl: catalogUrlOf(loaded, dev?.catalogUrl),
        searchable: () => hasSearchAttributes(connection, namespace),
      }),
      interceptors: {
        activity: [countSteps(counters), ...(traces === undefined ? [] : [traceRuns(traces, client)])],
      },
      // A stream's step is always at work, and costs next to nothing: it must not keep others from theirs.
      maxConcurrentActivityTaskExecutions: mostActivities + streams,
      // How fast a cancel arrives is bounded by how rarely heartbeats are sent on.
      maxHeartbeatThrottleInterval: '1s',
      shutdownGraceTime: '5s',
    });
    console.error(`pgdrill worker: polling task queue ${taskQueue} of ${address}, namespace ${namespace}`);
    tellParent({ taskQueue, temporalAddress: address, namespace, workerPid: process.pid });
    const metrics = await startMetrics(loaded, client, counters);
    // What the catalog missed while no worker ran that could reach it. It must not keep this one from its work, either.
    bringCatalogUpToDate(loaded, dev?.catalogUrl).catch((error: unknown) => {
      console.error(`pgdrill worker: the catalog is not up to date: ${messageOf(error)}`);
    });
    // Without it nothing is wrong but that leftovers stay, so it must not keep a worker from its work.
    scheduleJanitor(client, taskQueue).catch((error: unknown) => {
      console.error(`pgdrill worker: the janitor could not be scheduled: ${messageOf(error)}`);
    });
    await worker.run().finally(() => metrics?.close());
  } finally {
    await traces?.close();
    await connection.close();
  }
}

async function bringCatalogUpToDate(loaded: LoadedConfiguration, devUrl: string | undefined): Promise<void> {
  const url = catalogUrlOf(loaded, devUrl);
  if (url === undefined) return;
  const clusters = Object.keys(loaded.configuration.clusters).map((name) => clusterOf(loaded, name));
  await withCatalog(url, async (client) => {
    const missed = await catchUp(client, loaded.stateDirectory, clusters);
    if (missed > 0) console.error(`pgdrill worker: the catalog had missed ${missed} events; it is up to date now`);
    for (const cluster of clusters) await mirrorObjectives(client, cluster);
  });
}

function catalogUrlOf({ configuration }: LoadedConfiguration, devUrl: string | undefined): string | undefined {
  return configuration.catalog.url ?? process.env['PGDRILL_CATALOG_URL'] ?? devUrl;
}

/** Loaded only where they are wanted. */
async function startTraces(): Promise<RunTraces | undefined> {
  if (!tracesWanted()) return undefined;
  const { RunTraces: Traces } = await import('../src/tracing/run-traces.js');
  return new Traces((problem) => {
    console.error(`pgdrill worker: traces: ${problem}`);
  });
}

async function startMetrics(
  loaded: LoadedConfiguration,
  client: Client,
  counters: StepCounters,
): Promise<Server | undefined> {
  const { metrics, clusters, temporal } = loaded.configuration;
  if (metrics === undefined) return undefined;
  const all = Object.keys(clusters).map((name) => clusterOf(loaded, name));
  const exposition = new Exposition(
    [
      collectRepositories(all),
      collectSources(all),
      collectRuns(async () => await listRunningRuns(client, temporal.task_queue)),
    ],
    [counters.registry],
  );
  const server = await serveMetrics(exposition, metrics);
  console.error(`pgdrill worker: metrics at http://${metrics.host}:${metrics.port}/metrics`);
  return server;
}

/** Temporal's own figures of this worker (polls, slots, latencies): its SDK serves them itself. */
function temporalMetrics({
  configuration: { metrics },
}: LoadedConfiguration): Pick<RuntimeOptions, 'telemetryOptions'> {
  if (metrics?.temporal_port === undefined) return {};
  return {
    telemetryOptions: { metrics: { prometheus: { bindAddress: `${metrics.host}:${metrics.temporal_port}` } } },
  };
}

/** What `pgdrill worker --json` prints; nobody listens where it was started otherwise. */
function tellParent(document: object): void {
  process.send?.(document);
}

try {
  await main();
} catch (error) {
  console.error(`pgdrill worker: ${messageOf(error)}`);
  tellParent({ error: { type: error instanceof Error ? error.name : 'Error', message: messageOf(error) } });
  process.exitCode = error instanceof PgdrillError ? error.exitCode : 1;
}
