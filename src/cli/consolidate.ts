import type { Command } from 'commander';

import type { ConsolidateResult } from '../client/results.js';
import { clusterOf } from '../configuration/cluster.js';
import type { ExitCode } from '../errors.js';
import { bytes, seconds } from '../schema/figures.js';
import { globalOptions, loadFor } from './context.js';
import { runWorkflow } from './run-workflow.js';
import { colors } from './terminal.js';

/** `pgdrill consolidate CLUSTER`: make one full backup of a chain, without the source. */
export function addConsolidate(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('consolidate')
    .description('make one full backup of a chain in the repository, verified; the source is not asked')
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--up-to <backup>', 'the last backup of the chain (default: the newest that can be restored)')
    .option('--id <id>', 'the workflow id (default: consolidate-CLUSTER-TIME)')
    .addHelpText('after', '\nExample:\n  pgdrill consolidate shop --up-to 20261124T020000Z-incremental')
    .action(async (cluster: string, options: { upTo?: string; id?: string }, command: Command) => {
      const loaded = await loadFor(command);
      clusterOf(loaded, cluster);
      exit(
        await runWorkflow<'consolidate', ConsolidateResult>(loaded, {
          kind: 'consolidate',
          input: { cluster, ...(options.upTo === undefined ? {} : { upTo: options.upTo }) },
          id: options.id,
          asJson: globalOptions(command).json === true,
          render: describe,
        }),
      );
    });
}

function describe(made: ConsolidateResult): string {
  const { id, sizeBytes, durationMs, startLsn, endLsn, consolidatedFrom, mendedMaps, warnings } = made;
  return [
    `${id}: ${bytes(sizeBytes)} in ${seconds(durationMs / 1_000)}, ${startLsn} → ${endLsn}, verified.`,
    `It is what ${consolidatedFrom.join(' + ')} restore to. They stay until retention removes them; the next incremental builds on it.`,
    ...(mendedMaps === 0 ? [] : [`${mendedMaps} visibility maps came out of that chain wrong, and were mended.`]),
    ...warnings.map((warning) => `${colors.yellow('Warning')}: ${warning}`),
  ].join('\n');
}
