import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { messageOf, ToolchainError } from '../errors.js';
import { isRunning, type ProcessIdentity } from '../process/process-identity.js';
import { spawnDetached } from '../process/spawn-detached.js';

/** The dev server needs seconds on an idle machine; a busy one gets more. */
const startTimeoutMs = 90_000;

/** Temporal's dynamic configuration, also in docker/temporal/dynamic-config.yaml (docs/load.md). */
export const dynamicSettings = {
  // Which waiting step is taken first (workflows/steps.ts): off by default in 1.29, on in later servers.
  'matching.useNewMatcher': true,
  // One host's worker needs no more, and waiting steps of one priority are then taken in the order in which they began to wait.
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
} as const;

export interface TemporalServer {
  address: string;
  uiUrl: string;
  process: ProcessIdentity;
  logFile: string;
}

interface TemporalServerRequest {
  executable: string;
  directory: string;
  port: number;
  uiPort: number;
  signal?: AbortSignal;
  /** Told at once who runs, long before it answers: whoever gives up meanwhile has to end it. */
  onSpawn?: (process: ProcessIdentity) => Promise<void>;
}

/**
 * Starts Temporal's dev server with its Web UI on loopback, with its state in a file that survives restarts.
 *
 * @throws ToolchainError with the server's last words when it does not come up.
 */
export async function startTemporalServer(request: TemporalServerRequest): Promise<TemporalServer> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await startOnce(request);
    } catch (error) {
      if (tries === mostTries || !lostAnotherPort(messageOf(error), request)) throw error;
    }
  }
}

/** Beside the two that it is given, the server takes some free ports for itself: on a busy host somebody else may be quicker. */
const mostTries = 3;

function lostAnotherPort(said: string, { port, uiPort }: TemporalServerRequest): boolean {
  const lost = /:(\d+): bind: address already in use/.exec(said)?.[1];
  return lost !== undefined && ![port, uiPort].includes(Number(lost));
}

async function startOnce(request: TemporalServerRequest): Promise<TemporalServer> {
  const logFile = join(request.directory, 'temporal.log');
  const process_ = await spawnDetached({
    file: request.executable,
    args: [
      'server',
      'start-dev',
      '--ip=127.0.0.1',
      `--port=${request.port}`,
      `--ui-port=${request.uiPort}`,
      `--db-filename=${join(request.directory, 'temporal.db')}`,
      '--log-level=warn',
      // Its own metrics port is random by default, and could be one that we gave to someone else.
      '--metrics-port=0',
      ...Object.entries(dynamicSettings).map(([name, value]) => `--dynamic-config-value=${name}=${value}`),
    ],
    logFile,
  });
  await request.onSpawn?.(process_);
  const server = {
    address: `127.0.0.1:${request.port}`,
    uiUrl: `http://127.0.0.1:${request.uiPort}`,
    process: process_,
    logFile,
  };
  const deadline = performance.now() + startTimeoutMs;
  while (performance.now() < deadline) {
    request.signal?.throwIfAborted();
    if ((await answers(request.port)) && (await answers(request.uiPort))) return server;
    if (!isRunning(process_)) break;
    await sleep(100);
  }
  const log = (await readFile(logFile, 'utf8').catch(() => '')).trim().split('\n').slice(-5).join('\n');
  throw new ToolchainError({
    what: `Temporal's dev server did not come up on port ${request.port}: ${log || '(it printed nothing)'}`,
    means: 'Without it no workflow runs.',
    todo: `Look at ${logFile}; if the port is taken, choose another with --port.`,
  });
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
