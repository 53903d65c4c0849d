import type { Command } from 'commander';

import { readEnding } from '../client/failures.js';
import { type LiveRun, readLiveRuns } from '../client/live-runs.js';
import { readRun } from '../client/status.js';
import type { Temporal } from '../client/temporal.js';
import { clusterOf } from '../configuration/cluster.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { type ExitCode, exitCodes, messageOf, UsageError } from '../errors.js';
import { judgeCluster } from '../objectives/judge.js';
import { readDrills } from '../objectives/read-drills.js';
import { openRepository } from '../repository/repository.js';
import { loadFor, withTemporal } from './context.js';
import { globalOptions } from './global-options.js';
import { finishFailed } from './finish.js';
import { moment } from '../schema/figures.js';
import type { Waiting } from '../schema/progress.js';
import { approveCommand } from './approve-command.js';
import { renderTable } from './table.js';
import { colors, print, printJson, tint } from './terminal.js';
import { watchStatus } from './watch-status.js';
import { Detached, watchWorkflow } from './watch-workflow.js';

const mostRuns = 20;

interface StatusOptions {
  follow?: boolean;
  watch?: boolean;
}

export async function status(id: string | undefined, options: StatusOptions, command: Command): Promise<ExitCode> {
  const loaded = await loadFor(command);
  const asJson = globalOptions(command).json === true;
  refuseWhatCannotBeShown(id, options, asJson);
  return await withTemporal(loaded, async (temporal) => {
    if (options.watch === true) {
      await watchStatus(temporal);
      return exitCodes.done;
    }
    if (id === undefined) {
      await showNewest(loaded, temporal, asJson);
      return exitCodes.done;
    }
    let code: ExitCode = exitCodes.done;
    if (options.follow === true) {
      await readRun(temporal, id); // says so where there is none
      try {
        await watchWorkflow(() => Promise.resolve(temporal.client.workflow.getHandle(id)));
      } catch (error) {
        if (error instanceof Detached) return finishFailed(error, id, asJson);
        code = readEnding(error).exitCode;
      }
    }
    const run = await readRun(temporal, id);
    if (asJson) printJson(run);
    else print(describe(run));
    return code;
  });
}

async function showNewest(loaded: LoadedConfiguration, temporal: Temporal, asJson: boolean): Promise<void> {
  const runs = await readLiveRuns(temporal, mostRuns);
  if (asJson) {
    printJson(runs);
    return;
  }
  if (runs.length === 0) print('Nothing has run yet.');
  else print(renderTable(runs.map(rowOf), ['ID', 'STATUS', 'STARTED', 'ENDED', 'NOW']));
  for (const line of await objectiveLines(loaded)) print(line);
}

/** A line a cluster that demands anything: is it within its objectives. */
async function objectiveLines(loaded: LoadedConfiguration): Promise<string[]> {
  const lines: string[] = [];
  for (const name of Object.keys(loaded.configuration.clusters)) {
    const cluster = clusterOf(loaded, name);
    if (Object.keys(cluster.objectives).length === 0) continue;
    try {
      const { objectives } = judgeCluster(cluster, await readDrills(await openRepository(cluster)), new Date());
      const told = objectives
        .filter(({ objective }) => objective !== undefined)
        .map((each) => `${each.name} ${each.objective ?? ''} ${tint(each.status)}`);
      lines.push(`${colors.bold(name)}  objectives: ${told.join(', ')} (pgdrill objectives ${name})`);
    } catch (error) {
      lines.push(`${colors.bold(name)}  objectives: ${tint('unknown')}: ${messageOf(error).split('\n')[0] ?? ''}`);
    }
  }
  return lines;
}

function refuseWhatCannotBeShown(id: string | undefined, { follow, watch }: StatusOptions, asJson: boolean): void {
  const refuse = (what: string, todo: string): UsageError =>
    new UsageError({ what, means: 'There is nothing to show.', todo });
  if (watch !== true) {
    if (follow === true && id === undefined)
      throw refuse('--follow needs the id of a run.', 'Name it (pgdrill status lists them), or use --watch for all.');
    return;
  }
  if (id !== undefined) throw refuse('--watch shows all that runs.', `For one run: pgdrill status ${id} --follow`);
  if (asJson) throw refuse('--watch is for people.', 'Ask again and again instead: pgdrill status --json');
  if (!process.stderr.isTTY)
    throw refuse('--watch draws on a terminal, and there is none.', 'Use: pgdrill status, or pgdrill status --json');
}

function rowOf({ id, status, startedAt, closedAt, progress }: LiveRun): string[] {
  const { waiting, steps = [] } = progress ?? {};
  const now =
    waiting === undefined
      ? (steps.find(({ state }) => state === 'running')?.step ?? '')
      : colors.yellow(`waits at gate ${waiting.gate}`);
  return [
    id,
    tint(status),
    moment(startedAt),
    closedAt === undefined ? '' : moment(closedAt),
    closedAt === undefined ? now : '',
  ];
}

function describe({ id, status, startedAt, closedAt, progress, failure }: Awaited<ReturnType<typeof readRun>>): string {
  const rows = (progress?.steps ?? []).map(({ step, state, summary }) => [`  ${step}`, tint(state), summary ?? '']);
  const waiting = progress?.waiting;
  return [
    `${colors.bold(id)}  ${tint(status)}${progress?.verdict === undefined ? '' : `, verdict ${tint(progress.verdict)}`}`,
    ...(progress?.reasons ?? []),
    `started ${moment(startedAt)}${closedAt === undefined ? '' : `, ended ${moment(closedAt)}`}`,
    ...(rows.length === 0 ? [] : [renderTable(rows)]),
    ...(failure === undefined ? [] : [`${failure.type}: ${failure.message}`]),
    ...(waiting === undefined ? [] : describeWaiting(id, waiting)),
  ].join('\n');
}

function describeWaiting(id: string, { gate, until, question, seen, rule, approvedBy, refused }: Waiting): string[] {
  return [
    `waiting at gate ${gate} until ${until}: ${question}`,
    ...(rule?.by === undefined ? [] : [`  may answer: ${rule.by.join(', ')}`]),
    ...(rule === undefined || rule.count === 1
      ? []
      : [`  ${rule.count} have to approve, so far: ${approvedBy?.join(', ') ?? 'nobody'}`]),
    ...(refused === undefined ? [] : [`  the last answer does not count: ${refused}`]),
    `  ${approveCommand(id, { seen, rule })}`,
  ];
}
