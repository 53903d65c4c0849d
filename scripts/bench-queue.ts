import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { Client, Connection } from '@temporalio/client';

import { wantedOrFreePort } from '../src/embedded/ports.js';
import { startTemporalServer } from '../src/embedded/temporal-server.js';
import { makePrivateDirectory } from '../src/files/durable.js';
import { endGroup } from '../src/process/kill-group.js';
import { ensurePostgres } from '../src/toolchain/postgres.js';
import { ensureTemporal } from '../src/toolchain/temporal.js';
import { configureAll, makeSmallCluster, sandboxesOf } from './bench/queue-clusters.js';
import { type Load, measureLoad } from './bench/queue-load.js';
import { queueRuns, type Run } from './bench/queue-runs.js';
import { openScratch } from './scratch/servers.js';

// Usage: bench-queue [--runs 200] [--clusters 4] [--json FILE]. That many backups and drills of small clusters, half and half, queued at once on
// one worker: how much it has running at its most, whether one is lost, and in which order they end (docs/load.md).

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    clusters: { type: 'string', default: '4' },
    json: { type: 'string' },
  },
});
const [runs, clusterCount] = [Number(values.runs), Number(values.clusters)];
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const taskQueue = 'bench-queue';

const executable = await ensureTemporal({ progress: say });
const servers = await openScratch(await ensurePostgres({ progress: say, major: 17 }));
const groups: number[] = [];
const tidy = async (): Promise<void> => {
  for (const group of groups.reverse()) await endGroup(group);
  await servers.remove();
};
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => {
    void tidy().finally(() => process.exit(name === 'SIGINT' ? 130 : 143));
  });

async function startWorker(configuration: string, address: string): Promise<number> {
  const log = await open(join(servers.path, 'worker.log'), 'a', 0o600);
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'workers', 'worker.js')], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { ...process.env, PGDRILL_CONFIG: configuration, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: 'default' },
  });
  await once(child, 'spawn');
  await log.close();
  return child.pid ?? -1;
}

function report(all: readonly Run[], load: Load, seconds: number): boolean {
  const endings = new Map<string, number>();
  for (const { kind, ending } of all) endings.set(`${kind} ${ending}`, (endings.get(`${kind} ${ending}`) ?? 0) + 1);
  say(`\n${all.length} runs on ${clusterCount} clusters in ${seconds.toFixed(0)} s:`);
  for (const [ending, count] of endings) say(`  ${String(count).padStart(4)} ${ending}`);
  const line = (name: string, { most, mean }: { most: number; mean: number }): void =>
    say(`  ${name.padEnd(46)} ${most.toFixed(0).padStart(6)} at most, ${mean.toFixed(1)} on average`);
  say(`\nSeen in ${load.looks} looks:`);
  line('worker and its tools, processes', load.workerProcesses);
  line('sandboxes (directories)', load.sandboxes);
  line('servers of sandboxes', load.sandboxServers);
  line('processes of these servers', load.sandboxProcesses);
  line('memory of the worker, MB', load.workerMb);
  line('memory of all of these, MB', load.allMb);
  line('sessions at the sources', load.sessions);
  line('sessions at one source', load.sessionsAtOne);
  say(`\nOrder:`);
  const ranks = [...all].sort((a, b) => a.endedAt - b.endedAt);
  for (const kind of ['drill', 'backup'] as const) {
    const ofKind = ranks.filter((run) => run.kind === kind);
    const places = ofKind.map(({ place }) => place);
    const late = ofKind.map(({ place }, rank) => rank - [...places].sort((a, b) => a - b).indexOf(place));
    const waited = ofKind.map((run) => run.waited);
    const rto = ofKind.flatMap(({ rtoSeconds }) => rtoSeconds ?? []);
    const of = (values: number[]): string => `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)} s`;
    say(
      `  ${kind}s: ended at most ${Math.max(...late.map(Math.abs))} places from their place in the queue; waited ${of(waited)} for their first step`,
    );
    if (rto.length > 0) say(`  RTO on their clocks: ${of(rto)}`);
  }
  say(`  steps tried again: ${all.reduce((sum, { triedAgain }) => sum + triedAgain, 0)}`);
  return all.every(({ ending }) => ending === 'done' || ending === 'passed');
}

try {
  say(`Setting up ${clusterCount} clusters …`);
  const clusters = [];
  for (let index = 1; index <= clusterCount; index += 1)
    clusters.push(await makeSmallCluster(servers, `small${index}`));
  const temporalDirectory = join(servers.path, 'temporal');
  await makePrivateDirectory(temporalDirectory);
  const port = await wantedOrFreePort(17_233);
  const uiPort = await wantedOrFreePort(18_233);
  const temporal = await startTemporalServer({
    executable,
    directory: temporalDirectory,
    port,
    uiPort,
    onSpawn: ({ pid }) => Promise.resolve(void groups.push(pid)),
  });
  const connection = await Connection.connect({ address: temporal.address });
  const worker = await startWorker(await configureAll(servers, clusters, taskQueue), temporal.address);
  groups.push(worker);
  const stop = measureLoad({
    workerPid: worker,
    sandboxDirectory: sandboxesOf(servers),
    sources: clusters.map(({ admin }) => admin),
  });
  say(`Queueing ${runs} runs …`);
  const startedAt = performance.now();
  const all = await queueRuns(new Client({ connection }), {
    runs,
    clusters: clusters.map(({ name }) => name),
    taskQueue,
    onEnd: (ended) => {
      if (ended % Math.max(1, Math.floor(runs / 10)) === 0)
        say(`  ${ended} of ${runs} after ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`);
    },
  });
  const load = await stop();
  const seconds = (performance.now() - startedAt) / 1_000;
  const good = report(all, load, seconds);
  if (values.json !== undefined)
    await writeFile(values.json, JSON.stringify({ runs, clusterCount, seconds, load, all }, null, 2));
  await connection.close();
  process.exitCode = good ? 0 : 1;
} finally {
  await tidy();
}
