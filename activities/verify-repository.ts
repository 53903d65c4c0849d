import { eventOfVerification } from '../src/catalog/catalog.js';
import { clusterOf } from '../src/configuration/cluster.js';
import { openRepository } from '../src/repository/repository.js';
import { openFindings, type Verification, type VerificationResult } from '../src/schema/verification.js';
import { verificationKey } from '../src/verify/reports.js';
import { forgetKept, verifyRepository } from '../src/verify/verify.js';
import { version } from '../src/version.js';
import type { Dependencies } from './dependencies.js';
import { intoCatalog } from './into-catalog.js';
import { toolsOfRepository } from './repository-tools.js';
import { type Step, step } from './step.js';

/** Temporal's history takes little: the rest is in the report. */
const mostFindings = 50;

export interface VerifyStep {
  cluster: string;
  /** Names the report. */
  id: string;
  startedAt: string;
}

/** Walks the repository, and writes down what it found: `verify/<id>.json`, and an event in the catalog. */
export const createVerifyRepository = (dependencies: Dependencies): Step<VerifyStep, VerificationResult> =>
  step(async (input: VerifyStep, context): Promise<VerificationResult> => {
    const { walDirectory, wal, name, verify } = clusterOf(dependencies.loaded, input.cluster);
    const repository = await openRepository(clusterOf(dependencies.loaded, input.cluster));
    const tools = await toolsOfRepository(dependencies, repository).catch(() => dependencies.toolsFor(0));
    const found = await verifyRepository(
      tools,
      { repository, walDirectory, wal, maxRateBytes: verify.maxRateBytes },
      context,
    );
    const { workflowId, runId } = context;
    const report: Verification = {
      formatVersion: 1,
      ...{ id: input.id, cluster: name, workflowId, runId, startedAt: input.startedAt },
      finishedAt: new Date().toISOString(),
      verdict: openFindings(found.findings).length === 0 ? 'passed' : 'failed',
      ...found,
      versions: { pgdrill: version, postgres: tools.version, node: process.version },
    };
    await repository.storage.writeText(verificationKey(report.id), `${JSON.stringify(report, null, 2)}\n`);
    await forgetKept(repository);
    const warnings = await intoCatalog(dependencies, context.signal, { events: [eventOfVerification(report)] });
    return {
      ...report,
      findings: report.findings.slice(0, mostFindings),
      moreFindings: Math.max(0, report.findings.length - mostFindings),
      reportPath: repository.storage.pathOf(verificationKey(report.id)),
      warnings,
    };
  });
