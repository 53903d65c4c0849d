import type { Command } from 'commander';

import { clusterOf } from '../configuration/cluster.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { type ExitCode, exitCodes, RepositoryError } from '../errors.js';
import { judgeCluster, unknownCluster } from '../objectives/judge.js';
import { readDrills } from '../objectives/read-drills.js';
import { openRepository } from '../repository/repository.js';
import type { ClusterObjectives } from '../schema/objectives.js';
import { globalOptions, loadFor } from './context.js';
import { renderObjectives } from './render-objectives.js';
import { print, printJson } from './terminal.js';

/** `pgdrill objectives [CLUSTER]`: are we within our objectives, and how do we know. From the evidence alone. */
export function addObjectives(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('objectives')
    .description('are RTO, RPO and the age of the last proof within their objectives, and will the RTO stay there')
    .argument('[cluster]', 'a cluster of the configuration (default: all)')
    .addHelpText(
      'after',
      '\nExit code: 0 where all that is demanded is met, 1 where something is missed, 2 where something is unknown.\n\nExample:\n  pgdrill objectives shop',
    )
    .action(async (only: string | undefined, _options: unknown, command: Command) => {
      const standing = await standingOf(await loadFor(command), only);
      if (globalOptions(command).json === true) printJson(standing);
      else print(standing.map(renderObjectives).join('\n\n'));
      exit(codeOf(standing));
    });
}

async function standingOf(loaded: LoadedConfiguration, only: string | undefined): Promise<ClusterObjectives[]> {
  const names = only === undefined ? Object.keys(loaded.configuration.clusters) : [only];
  const standing: ClusterObjectives[] = [];
  for (const name of names) {
    const cluster = clusterOf(loaded, name);
    const now = new Date();
    try {
      standing.push(judgeCluster(cluster, await readDrills(await openRepository(cluster)), now));
    } catch (error) {
      // Of one that was asked for by name, the whole error; it must not hide what is known of the others.
      if (only !== undefined || !(error instanceof RepositoryError)) throw error;
      standing.push(unknownCluster(cluster, error.explanation.what, now));
    }
  }
  return standing;
}

function codeOf(standing: readonly ClusterObjectives[]): ExitCode {
  if (standing.some(({ status }) => status === 'missed')) return exitCodes.failed;
  return standing.some(({ status }) => status === 'unknown') ? exitCodes.unproven : exitCodes.done;
}
