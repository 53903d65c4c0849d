import { resolve } from 'node:path';

import { type Command, Option } from 'commander';

import type { RecoverResult } from '../client/results.js';
import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { renderHandOver } from '../hand-over/render.js';
import type { SettingsMode } from '../schema/hand-over.js';
import { seconds } from '../schema/figures.js';
import { parseTarget, recoveryTargetForms } from '../schema/target.js';
import type { GateName } from '../schema/workflow-inputs.js';
import { globalOptions, loadFor } from './context.js';
import { runWorkflow } from './run-workflow.js';
import { renderTable } from './table.js';
import { colors, tint } from './terminal.js';

interface RecoverOptions {
  into: string;
  target: string;
  yes?: boolean;
  fixGate: boolean;
  gate?: GateName[];
  gateTimeout?: string;
  settings: SettingsMode;
  id?: string;
}

/** `pgdrill recover CLUSTER --into DIR`: a restore for real. */
export function addRecover(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('recover')
    .description('restore for real, into an empty directory that is kept')
    .argument('<cluster>', 'a cluster of the configuration')
    .requiredOption('--into <directory>', 'the new data directory: absent or empty')
    .option('--target <target>', `where recovery stops: ${recoveryTargetForms}`, 'latest')
    .addOption(new Option('--gate <gate...>', 'wait for a human there (default: both)').choices(['restore', 'promote']))
    .addOption(
      new Option(
        '--settings <mode>',
        'start with the source’s own settings, or with those of a sandbox, alone on a socket',
      )
        .choices(['production', 'sandbox'])
        .default('production'),
    )
    .option('--gate-timeout <duration>', 'how long a gate waits, such as 30m')
    .option('--yes', 'ask nobody beforehand')
    .option('--no-fix-gate', 'give up at once where only a human can mend what stopped it (default: wait at gate fix)')
    .option('--id <id>', 'the workflow id (default: recover-CLUSTER-TIME)')
    .addHelpText(
      'after',
      "\nExample:\n  pgdrill recover shop --into /var/lib/postgresql/recovered --target 'time=2026-11-22 02:00:00+00'",
    )
    .action(async (cluster: string, options: RecoverOptions, command: Command) => {
      const loaded = await loadFor(command);
      clusterOf(loaded, cluster);
      const target = parseTarget(options.target);
      if (typeof target === 'string' || target.kind === 'fence') {
        throw new UsageError({
          what:
            typeof target === 'string'
              ? target
              : 'A recovery has no fence: that exists only where the source is compared.',
          means: 'Nothing was started.',
          todo: `Targets are: ${recoveryTargetForms}.`,
        });
      }
      const gates = options.yes === true ? [] : options.gate;
      const input = {
        cluster,
        into: resolve(options.into),
        target: options.target,
        settings: options.settings,
        ...(gates === undefined ? {} : { gates }),
        ...(options.fixGate ? {} : { fixGate: false }),
        ...(options.gateTimeout === undefined ? {} : { gateTimeout: options.gateTimeout }),
      };
      exit(
        await runWorkflow<'recover', RecoverResult>(loaded, {
          kind: 'recover',
          input,
          id: options.id,
          asJson: globalOptions(command).json === true,
          render: describe,
          exitCode: ({ outcome }) => (outcome === 'recovered' ? exitCodes.done : exitCodes.unproven),
        }),
      );
    });
}

function describe(result: RecoverResult): string {
  const rows = [
    ['directory', result.into],
    ['chain', result.chain.join(' + ')],
    ['target', result.target],
    ...(result.reachedLsn === undefined ? [] : [['reached', result.reachedLsn]]),
    ...(result.lastCommitAt === undefined ? [] : [['last commit', result.lastCommitAt]]),
    ...(result.rtoSeconds === undefined ? [] : [['RTO', seconds(result.rtoSeconds)]]),
    ...(result.evidencePath === undefined ? [] : [['evidence', result.evidencePath]]),
    ...(result.handOverPath === undefined ? [] : [['hand-over sheet', result.handOverPath]]),
  ];
  const parts = [
    `\n${colors.bold('Recovery')}  ${tint(result.outcome)}\n${renderTable(rows)}`,
    ...(result.notes.length === 0 ? [] : [result.notes.map((note) => `- ${note}`).join('\n')]),
    ...(result.handOver === undefined ? [] : [renderHandOver(result.cluster, result.handOver).trimEnd()]),
  ];
  return parts.join('\n\n');
}
