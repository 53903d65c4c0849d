import { type Command, InvalidArgumentError, Option } from 'commander';

import { readSabotageResult } from '../client/failures.js';
import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { type SabotageKind, sabotageKindNames, sabotageKinds, type SabotageResult } from '../schema/sabotage.js';
import { globalOptions, loadFor } from './context.js';
import { renderSabotage } from './render-sabotage.js';
import { runWorkflow } from './run-workflow.js';
import { renderTable } from './table.js';
import { print, printJson } from './terminal.js';

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
      const loaded = await loadFor(command);
      clusterOf(loaded, cluster);
      const { kind, seed, id, detach } = options;
      exit(
        await runWorkflow<'sabotageDrill', SabotageResult>(loaded, {
          kind: 'sabotageDrill',
          input: { cluster, ...(kind === undefined ? {} : { kind }), ...(seed === undefined ? {} : { seed }) },
          id,
          detach,
          asJson,
          render: (result) => `\n${renderSabotage(result)}`,
          // 0 where the damage was seen, 1 unseen, 2 unproven.
          exitCode: ({ verdict }) => (verdict === 'passed' ? exitCodes.done : exitCodes.unproven),
          found: { type: 'SabotageUnseen', in: readSabotageResult },
        }),
      );
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

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
