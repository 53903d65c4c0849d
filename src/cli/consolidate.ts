import type { Command } from 'commander';

import type { ConsolidateResult } from '../client/results.js';
import { startWorkflow } from '../client/start.js';
import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes } from '../errors.js';
import { bytes, seconds } from '../schema/figures.js';
import { globalOptions, loadFor, withTemporal } from './context.js';
import { finishFailed, sayStarted } from './finish.js';
import { colors, print, printJson } from './terminal.js';
import { watchWorkflow } from './watch-workflow.js';

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
      const asJson = globalOptions(command).json === true;
      clusterOf(loaded, cluster);
      await withTemporal(loaded, async (temporal) => {
        const handle = await startWorkflow(
          temporal,
          'consolidate',
          { cluster, ...(options.upTo === undefined ? {} : { upTo: options.upTo }) },
          { taskQueue: loaded.configuration.temporal.task_queue, id: options.id },
        );
        await sayStarted(loaded, temporal, handle.workflowId);
        try {
          const made = await watchWorkflow<ConsolidateResult>(handle);
          if (asJson) printJson(made);
          else print(describe(made));
          exit(exitCodes.done);
        } catch (error) {
          exit(finishFailed(error, handle.workflowId, asJson));
        }
      });
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
