import { type Command, InvalidArgumentError, Option } from 'commander';

import { readEnding, readSabotageResult } from '../client/failures.js';
import { startWorkflow } from '../client/start.js';
import { clusterOf } from '../configuration/cluster.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { type SabotageKind, sabotageKindNames, sabotageKinds, type SabotageResult } from '../schema/sabotage.js';
import { globalOptions, loadFor, withTemporal } from './context.js';
import { finishFailed, sayStarted } from './finish.js';
import { renderSabotage } from './render-sabotage.js';
import { renderTable } from './table.js';
import { colors, print, printJson, say } from './terminal.js';
import { watchWorkflow } from './watch-workflow.js';

interface SabotageOptions {
  kind?: SabotageKind | 'all';
  seed?: number;
  id?: string;
  detach?: boolean;
}

/** `pgdrill sabotage-drill CLUSTER`: prove that a drill sees damage. */
export function addSabotageDrill(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('sabotage-drill')
    .description('break a copy of the backups in one way, drill it, and see whether the drill turns red')
    .argument('[cluster]', 'a cluster of the configuration')
    .addOption(
      new Option('--kind <kind>', 'what to break (default: the next in turn)').choices([...sabotageKindNames, 'all']),
    )
    .option('--seed <number>', 'decides where it strikes: the same again for the same number', wholeNumber)
    .option('--list', 'show the kinds and end')
    .option('--id <id>', 'the workflow id (default: sabotage-drill-CLUSTER-TIME)')
    .option('--detach', 'start it and return at once')
    .addHelpText('after', '\nExample:\n  pgdrill sabotage-drill shop --kind heap-bit-sealed')
    .action(async (cluster: string | undefined, options: SabotageOptions & { list?: boolean }, command: Command) => {
      const asJson = globalOptions(command).json === true;
      if (options.list === true) {
        listKinds(asJson);
        return;
      }
      if (cluster === undefined) {
        throw new UsageError({
          what: 'missing required argument: cluster',
          means: 'Nothing was started.',
          todo: 'Name a cluster of the configuration, or use --list.',
        });
      }
      exit(await runSabotageDrill(await loadFor(command), cluster, options, asJson));
    });
}

function listKinds(asJson: boolean): void {
  const kinds = sabotageKindNames.map((name) => ({ name, ...sabotageKinds[name] }));
  if (asJson) printJson(kinds);
  else
    print(
      renderTable(
        kinds.map(({ name, stage, description }) => [name, stage, description]),
        ['KIND', 'STRIKES', 'WHAT IS BROKEN'],
      ),
    );
}

/** Starts a sabotage drill, follows it, prints its result. @returns 0 where the damage was seen, 1 unseen, 2 unproven. */
async function runSabotageDrill(
  loaded: LoadedConfiguration,
  cluster: string,
  { kind, seed, id, detach }: SabotageOptions,
  asJson: boolean,
): Promise<ExitCode> {
  clusterOf(loaded, cluster);
  return await withTemporal(loaded, async (temporal) => {
    const handle = await startWorkflow(
      temporal,
      'sabotageDrill',
      { cluster, ...(kind === undefined ? {} : { kind }), ...(seed === undefined ? {} : { seed }) },
      { taskQueue: loaded.configuration.temporal.task_queue, id },
    );
    await sayStarted(loaded, temporal, handle.workflowId);
    if (detach === true) {
      if (asJson) printJson({ id: handle.workflowId, detached: true });
      return exitCodes.done;
    }
    try {
      const result = await watchWorkflow<SabotageResult>(handle);
      if (asJson) printJson(result);
      else print(`\n${renderSabotage(result)}`);
      return result.verdict === 'passed' ? exitCodes.done : exitCodes.unproven;
    } catch (error) {
      return finish(error, handle.workflowId, asJson);
    }
  });
}

function finish(error: unknown, workflowId: string, asJson: boolean): ExitCode {
  const result = readSabotageResult(error);
  if (result === undefined) return finishFailed(error, workflowId, asJson);
  const { type, message, exitCode } = readEnding(error);
  if (type !== 'SabotageUnseen' || asJson) say(`${colors.red(type)}: ${message}`);
  if (asJson) printJson({ ...result, error: { type, message } });
  else print(`\n${renderSabotage(result)}`);
  return exitCode;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
