import { recordRecovery, withCatalog } from '../src/catalog/catalog.js';
import { clusterOf } from '../src/configuration/cluster.js';
import { messageOf } from '../src/errors.js';
import { buildEvidence, type Outcome, toDrillResult } from '../src/report/build-evidence.js';
import { keys, openRepository } from '../src/repository/repository.js';
import type { DrillResult, Evidence } from '../src/schema/evidence.js';
import { version } from '../src/version.js';
import type { Dependencies } from './dependencies.js';
import { type Step, step } from './step.js';

/**
 * RTO/RPO recording: the evidence into the repository, its figures into the catalog. A catalog that is down takes nothing from a
 * drill: it is derived data, so this is a warning.
 */
export const createRecordObjectives = ({
  loaded,
  toolsFor,
  catalogUrl,
}: Dependencies): Step<{ cluster: string; outcome: Omit<Outcome, 'finishedAt'> }, DrillResult> =>
  step(async (input: { cluster: string; outcome: Omit<Outcome, 'finishedAt'> }, context): Promise<DrillResult> => {
    const cluster = clusterOf(loaded, input.cluster);
    const repository = await openRepository(cluster);
    const evidence = buildEvidence({ ...input.outcome, finishedAt: new Date().toISOString() }, cluster, {
      pgdrill: version,
      sandboxPostgres: (await toolsFor(0)).version,
      node: process.version,
    });
    const key = `${keys.evidence(evidence.id)}/evidence.json`;
    await repository.storage.writeText(key, `${JSON.stringify(evidence, null, 2)}\n`);
    const warnings = await intoCatalog(catalogUrl, evidence, repository.storage.pathOf(key), context.signal);
    return toDrillResult(evidence, repository.storage.pathOf(key), warnings);
  });

async function intoCatalog(
  url: string | undefined,
  evidence: Evidence,
  evidencePath: string,
  signal: AbortSignal,
): Promise<string[]> {
  if (url === undefined) return ['No catalog is configured: the figures are in the evidence only.'];
  try {
    await withCatalog(url, (client) => recordRecovery(client, evidence, { evidencePath }), signal);
    return [];
  } catch (error) {
    signal.throwIfAborted();
    return [`The catalog could not be written: ${messageOf(error)}`];
  }
}
