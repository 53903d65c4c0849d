import type { Command } from 'commander';

import type { BackupResult } from '../client/results.js';
import { clusterOf } from '../configuration/cluster.js';
import type { ExitCode } from '../errors.js';
import { bytes, seconds } from '../schema/figures.js';
import type { BackupType } from '../schema/workflow-inputs.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { runWorkflow } from './run-workflow.js';
import { colors } from './terminal.js';

export async function backup(
  cluster: string,
  options: { type: BackupType; id?: string },
  command: Command,
): Promise<ExitCode> {
  const loaded = await loadFor(command);
  clusterOf(loaded, cluster);
  return await runWorkflow<'backup', BackupResult>(loaded, {
    kind: 'backup',
    input: { cluster, type: options.type },
    id: options.id,
    asJson: globalOptions(command).json === true,
    render: describe,
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
