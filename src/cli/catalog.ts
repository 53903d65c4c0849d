import type { Command } from 'commander';

import { mirrorObjectives, rebuild, type Rebuilt, withCatalog } from '../catalog/catalog.js';
import { clusterOf } from '../configuration/cluster.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { readDevState } from '../embedded/dev-state.js';
import { ConfigurationError, type ExitCode, exitCodes } from '../errors.js';
import { openRepository } from '../repository/repository.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { renderTable } from './table.js';
import { colors, print, printJson } from './terminal.js';

export async function rebuildCatalog(only: string | undefined, _options: unknown, command: Command): Promise<ExitCode> {
  const loaded = await loadFor(command);
  const names = only === undefined ? Object.keys(loaded.configuration.clusters) : [only];
  const clusters = names.map((name) => clusterOf(loaded, name));
  const url = await catalogUrlOf(loaded);
  const rebuilt = await withCatalog(url, async (client) => {
    const all: Rebuilt[] = [];
    for (const cluster of clusters) {
      all.push(await rebuild(client, await openRepository(cluster)));
      await mirrorObjectives(client, cluster);
    }
    return all;
  });
  if (globalOptions(command).json === true) printJson(rebuilt);
  else print(describe(rebuilt));
  return rebuilt.every(({ unreadable }) => unreadable.length === 0) ? exitCodes.done : exitCodes.failed;
}

async function catalogUrlOf({ configuration, stateDirectory, path }: LoadedConfiguration): Promise<string> {
  const dev = await readDevState(stateDirectory);
  const url = configuration.catalog.url ?? process.env['PGDRILL_CATALOG_URL'] ?? dev?.catalogUrl;
  if (url !== undefined) return url;
  throw new ConfigurationError({
    what: `${path} names no catalog, and no pgdrill dev runs here.`,
    means: 'There is no database to fill.',
    todo: 'Set catalog.url in the configuration, or PGDRILL_CATALOG_URL, or start pgdrill dev.',
  });
}

function describe(rebuilt: readonly Rebuilt[]): string {
  return [
    renderTable(
      rebuilt.map(({ cluster, ...counts }) => [
        cluster,
        ...[counts.backups, counts.failedBackups, counts.recoveries, counts.sabotageDrills, counts.verifications].map(
          String,
        ),
      ]),
      ['CLUSTER', 'BACKUPS', 'FAILED BACKUPS', 'DRILLS AND RECOVERIES', 'SABOTAGE DRILLS', 'VERIFICATIONS'],
    ),
    ...rebuilt.flatMap(({ unreadable }) => unreadable.map((what) => `${colors.red('not used')}: ${what}`)),
    'A repository does not tell of clean-ups that failed, of what the janitor found, or of backups that expired.',
  ].join('\n');
}
