import type { Command } from 'commander';

import type { ConsolidateResult } from '../client/results.js';
import { clusterOf } from '../configuration/cluster.js';
import type { ExitCode } from '../errors.js';
import { bytes, seconds } from '../schema/figures.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { runWorkflow } from './run-workflow.js';
import { colors } from './terminal.js';

export async function consolidate(
  cluster: string,
  options: { upTo?: string; id?: string },
  command: Command,
): Promise<ExitCode> {
  const loaded = await loadFor(command);
  clusterOf(loaded, cluster);
  return await runWorkflow<'consolidate', ConsolidateResult>(loaded, {
    kind: 'consolidate',
    input: { cluster, ...(options.upTo === undefined ? {} : { upTo: options.upTo }) },
    id: options.id,
    asJson: globalOptions(command).json === true,
    render: describe,
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
