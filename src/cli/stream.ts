import { userInfo } from 'node:os';

import type { Command } from 'commander';

import { startStream, stopStream, streamId, streamStatus, type StreamStatus } from '../client/stream.js';
import { clusterOf } from '../configuration/cluster.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { ConfigurationError, type ExitCode, exitCodes, UsageError } from '../errors.js';
import { moment } from '../schema/figures.js';
import { confirm, declined } from './confirm.js';
import { loadFor, withTemporal } from './context.js';
import { globalOptions } from './global-options.js';
import { finishFailed } from './finish.js';
import { renderTable } from './table.js';
import { colors, print, printJson, say, tint } from './terminal.js';

/** How long `stream start` waits for the first WAL before it leaves the workflow to itself. */
const startWithinMs = 60_000;

export async function start(cluster: string, options: { acceptGap?: boolean }, command: Command): Promise<ExitCode> {
  const loaded = await loadFor(command);
  requireMode(loaded, cluster);
  const asJson = globalOptions(command).json === true;
  return await withTemporal(loaded, async (temporal) => {
    try {
      const status = await startStream(
        temporal,
        { cluster, acceptGap: options.acceptGap === true },
        loaded.configuration.temporal.task_queue,
        AbortSignal.timeout(startWithinMs),
      );
      if (asJson) printJson(status);
      else print(describe(status));
      return exitCodes.done;
    } catch (error) {
      if (error instanceof UsageError) throw error;
      return finishFailed(error, streamId(cluster), asJson);
    }
  });
}

export async function status(cluster: string, _options: unknown, command: Command): Promise<ExitCode> {
  const loaded = await loadFor(command);
  clusterOf(loaded, cluster);
  return await withTemporal(loaded, async (temporal) => {
    const found = await streamStatus(temporal, cluster);
    if (globalOptions(command).json === true) printJson(found);
    else print(describe(found));
    return found.status === 'running' ? exitCodes.done : exitCodes.failed;
  });
}

export async function stop(
  cluster: string,
  options: { dropSlot?: boolean; keepSlot?: boolean; yes?: boolean; dryRun?: boolean },
  command: Command,
): Promise<ExitCode> {
  const loaded = await loadFor(command);
  requireMode(loaded, cluster);
  if (options.dropSlot === true && options.keepSlot === true)
    throw usage('--drop-slot and --keep-slot contradict each other.', 'Give one of them.');
  const dropSlot = options.keepSlot !== true;
  const asJson = globalOptions(command).json === true;
  const would = dropSlot
    ? `stop the WAL stream of ${cluster} and drop its slot: WAL from then on is not kept, until the stream is started again`
    : `stop the WAL stream of ${cluster} and keep its slot: the source keeps all WAL from then on, until its disk is full`;
  if (options.dryRun === true) {
    if (asJson) printJson({ cluster, dropSlot, dryRun: true });
    else print(`This would ${would}.`);
    return exitCodes.done;
  }
  if (options.yes !== true && !(await confirm(`This will ${would}. Go on?`, `This would ${would}.`)))
    return declined('Nothing was stopped.', asJson);
  return await withTemporal(loaded, async (temporal) => {
    try {
      const result = await stopStream(temporal, cluster, { dropSlot, by: userInfo().username });
      if (asJson) printJson(result);
      else
        print(
          `Stopped. ${result.slotDropped ? `Slot ${result.slot} is dropped.` : `Slot ${result.slot} is kept: the source keeps all WAL until the stream goes on.`}`,
        );
      return exitCodes.done;
    } catch (error) {
      if (error instanceof UsageError) throw error;
      return finishFailed(error, streamId(cluster), asJson);
    }
  });
}

function requireMode(loaded: LoadedConfiguration, cluster: string): void {
  const { wal } = clusterOf(loaded, cluster);
  if (wal.mode === 'stream') return;
  throw new ConfigurationError({
    what: `clusters.${cluster}.wal.mode is "${wal.mode}" in ${loaded.path}.`,
    means: 'WAL of this cluster is not streamed.',
    todo: 'Set it to stream, and restart the worker.',
  });
}

function usage(what: string, todo: string): UsageError {
  return new UsageError({ what, means: 'Nothing was stopped.', todo });
}

function describe({ id, status, startedAt, steps, now, attempt }: StreamStatus): string {
  if (status === 'running' && now === undefined)
    say('It does not receive yet: look whether a worker runs (pgdrill dev, pgdrill worker).');
  return [
    `${colors.bold(id)}  ${tint(status)}, this run since ${moment(startedAt)}`,
    renderTable(steps.map(({ step, state, summary }) => [`  ${step}`, tint(state), summary ?? ''])),
    ...(now === undefined || status !== 'running'
      ? []
      : [
          `${now.doing}${now.lsn === undefined ? '' : `; received up to ${now.lsn}`}${(attempt ?? 1) > 1 ? ` (attempt ${attempt ?? 1})` : ''}`,
        ]),
  ].join('\n');
}
