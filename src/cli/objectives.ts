import type { Command } from 'commander';

import { clusterOf } from '../configuration/cluster.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { type ExitCode, exitCodes, RepositoryError } from '../errors.js';
import { judgeCluster, unknownCluster } from '../objectives/judge.js';
import { readDrills } from '../objectives/read-drills.js';
import { openRepository } from '../repository/repository.js';
import type { ClusterObjectives } from '../schema/objectives.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { renderObjectives } from './render-objectives.js';
import { print, printJson } from './terminal.js';

export async function objectives(only: string | undefined, _options: unknown, command: Command): Promise<ExitCode> {
  const standing = await standingOf(await loadFor(command), only);
  if (globalOptions(command).json === true) printJson(standing);
  else print(standing.map(renderObjectives).join('\n\n'));
  return codeOf(standing);
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
