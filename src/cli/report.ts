import { resolve } from 'node:path';

import type { Command } from 'commander';

import { clusterOf } from '../configuration/cluster.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { type ExitCode, exitCodes, RepositoryError, UsageError } from '../errors.js';
import { exists, writeFileDurably } from '../files/durable.js';
import { writeClusterReport } from '../report/cluster-report.js';
import { findEvidence, writeReport } from '../report/write-report.js';
import { openRepository } from '../repository/repository.js';
import { confirm, declined } from './confirm.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { print, printJson, say } from './terminal.js';

export async function report(
  name: string | undefined,
  { out, yes }: { out?: string; yes?: boolean },
  command: Command,
): Promise<ExitCode> {
  const asJson = globalOptions(command).json === true;
  if (out !== undefined && yes !== true && (await exists(out))) {
    const what = `${out} exists, and would be overwritten.`;
    if (!(await confirm(`${out} exists. Overwrite it?`, what))) return declined('Nothing was written.', asJson);
  }
  const path = await runReport(await loadFor(command), name, out);
  if (asJson) printJson({ path });
  else print(path);
  return exitCodes.done;
}

async function runReport(loaded: LoadedConfiguration, name: string | undefined, out?: string): Promise<string> {
  const clusters = Object.keys(loaded.configuration.clusters);
  const cluster = name ?? (clusters.length === 1 ? clusters[0] : undefined);
  if (cluster === undefined) {
    throw new UsageError({
      what: 'Which cluster, or which drill?',
      means: `The configuration has ${clusters.length} clusters: ${clusters.join(', ')}.`,
      todo: 'Name one of them, or the id of a drill.',
    });
  }
  if (clusters.includes(cluster)) {
    const resolved = clusterOf(loaded, cluster);
    return await writeClusterReport(await openRepository(resolved), resolved, out);
  }
  return await reportOf(loaded, clusters, cluster, out);
}

async function reportOf(loaded: LoadedConfiguration, clusters: string[], id: string, out?: string): Promise<string> {
  if (/^[\w.-]+$/.test(id) && !id.startsWith('.')) {
    for (const cluster of clusters) {
      const repository = await openRepository(clusterOf(loaded, cluster)).catch((error: unknown) => {
        if (!(error instanceof RepositoryError)) throw error;
        say(`cluster ${cluster} was not looked at: ${error.explanation.what}`);
        return undefined;
      });
      const evidence = repository === undefined ? undefined : await findEvidence(repository, id);
      if (repository === undefined || evidence === undefined) continue;
      if (out === undefined) return await writeReport(repository, evidence);
      const { renderDrillPage } = await import('../report/html/drill-page.js');
      await writeFileDurably(resolve(out), await renderDrillPage(evidence));
      return resolve(out);
    }
  }
  throw new UsageError({
    what: `There is no evidence "${id}", and no cluster of that name.`,
    means: `Looked in the repositories of: ${clusters.join(', ')}.`,
    todo: 'pgdrill status lists the ids of runs; the directories below evidence/ in the repository are named after them.',
  });
}
