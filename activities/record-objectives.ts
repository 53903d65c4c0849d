import { hostname } from 'node:os';

import { eventOfRun, mirrorObjectives, recordRecovery } from '../src/catalog/catalog.js';
import { clusterOf } from '../src/configuration/cluster.js';
import { messageOf } from '../src/errors.js';
import { writeHandOver } from '../src/hand-over/write-sheet.js';
import { buildEvidence, type Outcome, toDrillResult } from '../src/report/build-evidence.js';
import { lostHeads, noteHead, readKnownHeads } from '../src/report/chain/known-heads.js';
import { readHead, readLinks } from '../src/report/chain/links.js';
import { sealEvidence } from '../src/report/chain/seal.js';
import { signText } from '../src/report/chain/sign.js';
import { verifyChain } from '../src/report/chain/verify.js';
import { tryWriteReport } from '../src/report/write-report.js';
import { keys, openRepository, type Repository } from '../src/repository/repository.js';
import { releaseRunHold } from '../src/restore/run-hold.js';
import type { DrillResult } from '../src/schema/evidence.js';
import type { Finding } from '../src/schema/results.js';
import { version } from '../src/version.js';
import type { Dependencies } from './dependencies.js';
import { intoCatalog } from './into-catalog.js';
import { toolsOfRepository } from './repository-tools.js';
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
    const versions = {
      pgdrill: version,
      ...sourceVersion(input.outcome.findings),
      sandboxPostgres: (await toolsOfRepository({ toolsFor }, repository)).version,
      node: process.version,
    };
    const finishedAt = new Date().toISOString();
    const built = buildEvidence({ ...input.outcome, finishedAt }, cluster, versions, hostname());
    const unsigned: string[] = [];
    const sign = signerOf(loaded.configuration.evidence.signing_key, unsigned, context.signal);
    const evidence = await sealEvidence(repository, built, { ...context, ...sign });
    const setBack = await compareHeads(loaded.stateDirectory, repository);
    const evidencePath = repository.storage.pathOf(keys.evidenceFile(evidence.id));
    const report = await tryWriteReport(repository, evidence);
    const sheet = await writeHandOver(repository, evidence);
    const warnings = await intoCatalog({ loaded, catalogUrl }, context.signal, {
      write: async (client) => {
        await mirrorObjectives(client, cluster);
        await recordRecovery(client, evidence, { evidencePath });
      },
      events: [eventOfRun(evidence)],
    });
    // A recovery that ended well has no clean-up, and the server that it hands over reads nothing here any more.
    if (evidence.kind === 'recovery') await releaseRunHold(() => Promise.resolve(repository), context);
    // What had to be mended is no small thing, though the restored database is right: it is shown, not only kept.
    const mended = input.outcome.opened?.findings?.map(({ message }) => message) ?? [];
    return toDrillResult(
      evidence,
      evidencePath,
      [...mended, ...setBack, ...unsigned, ...report.warnings, ...sheet.warnings, ...warnings],
      { report: report.path, handOver: sheet.path },
    );
  });

/** Notes the head of the evidence outside the repository. @returns warnings where a head that was noted earlier is no longer in the chain. */
async function compareHeads(stateDirectory: string, repository: Repository): Promise<string[]> {
  try {
    // First what is known: another drill may add to the chain meanwhile.
    const known = await readKnownHeads(stateDirectory, repository);
    const report = verifyChain(await readLinks(repository), await readHead(repository));
    const lost = lostHeads(report.chain, known);
    await noteHead(stateDirectory, repository, report);
    return lost.map(
      ({ id, message }) => `Evidence ${id}: ${message} See pgdrill evidence verify ${repository.cluster}.`,
    );
  } catch (error) {
    return [`The head of the evidence could not be noted outside the repository: ${messageOf(error)}`];
  }
}

/** A key that cannot be used any more costs the signature, said as a warning, but not the evidence. */
function signerOf(
  keyFile: string | undefined,
  warnings: string[],
  signal: AbortSignal,
): { sign?: (text: string) => Promise<string | undefined> } {
  if (keyFile === undefined) return {};
  return {
    sign: async (text) =>
      await signText(keyFile, text, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        warnings.push(`The evidence is not signed: ${messageOf(error)}`);
        return undefined;
      }),
  };
}

/** What the archive check saw; a recovery asks no source. */
function sourceVersion(findings: readonly Finding[]): { sourcePostgres?: string } {
  const message = findings.find(({ name }) => name === 'version')?.message;
  return message === undefined ? {} : { sourcePostgres: message.replace(/^PostgreSQL /, '') };
}
