import { type Command, Option } from 'commander';

import type { BackupResult } from '../client/results.js';
import { startWorkflow } from '../client/start.js';
import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes } from '../errors.js';
import { bytes, seconds } from '../schema/figures.js';
import type { BackupType } from '../schema/workflow-inputs.js';
import { globalOptions, loadFor, withTemporal } from './context.js';
import { finishFailed, sayStarted } from './finish.js';
import { colors, print, printJson } from './terminal.js';
import { watchWorkflow } from './watch-workflow.js';

/** `pgdrill backup CLUSTER`: take a backup now. */
export function addBackup(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('backup')
    .description('take a backup, verify it and put it into the repository')
    .argument('<cluster>', 'a cluster of the configuration')
    .addOption(
      new Option('--type <type>', 'an incremental builds on the newest backup, a differential on the newest full one')
        .choices(['full', 'incremental', 'differential'])
        .default('full'),
    )
    .option('--id <id>', 'the workflow id (default: backup-CLUSTER-TIME)')
    .addHelpText('after', '\nExample:\n  pgdrill backup shop --type incremental')
    .action(async (cluster: string, options: { type: BackupType; id?: string }, command: Command) => {
      const loaded = await loadFor(command);
      const asJson = globalOptions(command).json === true;
      clusterOf(loaded, cluster);
      await withTemporal(loaded, async (temporal) => {
        const handle = await startWorkflow(
          temporal,
          'backup',
          { cluster, type: options.type },
          { taskQueue: loaded.configuration.temporal.task_queue, id: options.id },
        );
        await sayStarted(loaded, temporal, handle.workflowId);
        try {
          const backup = await watchWorkflow<BackupResult>(handle);
          if (asJson) printJson(backup);
          else print(describe(backup));
          exit(exitCodes.done);
        } catch (error) {
          exit(finishFailed(error, handle.workflowId, asJson));
        }
      });
    });
}

function describe(backup: BackupResult): string {
  const { id, type, requestedType, fallbackReason, unsafe, sizeBytes, startLsn, endLsn, durationMs, warnings } = backup;
  const lines = [`${id}: ${bytes(sizeBytes)} in ${seconds(durationMs / 1_000)}, ${startLsn} → ${endLsn}, verified.`];
  if (type !== 'full' && unsafe === undefined)
    lines.push('Nothing wrong was found in its link to its parent; whether the chain restores, only a drill proves.');
  if (type !== requestedType) {
    lines.push(
      `It is a ${type} and not the ${requestedType} that was asked for, because ${fallbackReason ?? 'of the server'}.`,
    );
  }
  if (unsafe !== undefined) {
    lines.push(
      `${colors.yellow('It is unsafe')}: ${unsafe.join(' ')}`,
      'pgdrill will not restore from it: its parent and the WAL since then give the right content. The next backup will be a full.',
    );
  }
  lines.push(...warnings.map((warning) => `${colors.yellow('Warning')}: ${warning}`));
  return lines.join('\n');
}
