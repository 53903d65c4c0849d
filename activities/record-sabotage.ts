import { eventOfSabotage } from '../src/catalog/catalog.js';
import { clusterOf } from '../src/configuration/cluster.js';
import { openRepository } from '../src/repository/repository.js';
import { releaseRunHold } from '../src/restore/run-hold.js';
import { judgeSabotage } from '../src/sabotage/judge.js';
import { sabotageKey } from '../src/sabotage/turn.js';
import type { Capture, Plan } from '../src/schema/results.js';
import type { SabotageEvidence, SabotageResult, SabotageTrial } from '../src/schema/sabotage.js';
import { version } from '../src/version.js';
import type { Dependencies } from './dependencies.js';
import { intoCatalog } from './into-catalog.js';
import { type Step, step } from './step.js';

/** What a sabotage drill has come to when it ends, however it ended. */
export interface SabotageRun {
  id: string;
  cluster: string;
  input: Record<string, unknown>;
  workflowId: string;
  runId: string;
  startedAt: string;
  seed: number;
  capture?: Capture | undefined;
  plan?: Plan | undefined;
  control?: SabotageTrial | undefined;
  trials: SabotageTrial[];
  leftOut: SabotageResult['leftOut'];
  /** Why it ended early. */
  failure?: string | undefined;
}

/**
 * Evidence and alarm of a sabotage drill. No row in the history of recoveries: what was restored was broken on purpose, so its time and
 * its verdict say nothing about the backups.
 */
export const createRecordSabotage = ({
  loaded,
  toolsFor,
  catalogUrl,
}: Dependencies): Step<SabotageRun, SabotageResult> =>
  step(async (run: SabotageRun, context): Promise<SabotageResult> => {
    const repository = await openRepository(clusterOf(loaded, run.cluster));
    const { storage } = repository;
    const { capture, plan, control } = run;
    const { id, cluster, input, workflowId, runId, startedAt, seed, trials, leftOut } = run;
    const evidence: SabotageEvidence = {
      formatVersion: 1,
      kind: 'sabotage',
      ...{ id, cluster, input, workflowId, runId, startedAt, seed, trials, leftOut },
      ...judgeSabotage(run),
      ...(control === undefined ? {} : { control }),
      ...(capture === undefined ? {} : { fence: capture.fence }),
      finishedAt: new Date().toISOString(),
      rerun: rerunCommand(run),
      chain: plan?.chain ?? [],
      versions: { pgdrill: version, sandboxPostgres: (await toolsFor(0)).version, node: process.version },
    };
    await storage.writeText(sabotageKey(id), `${JSON.stringify(evidence, null, 2)}\n`);
    await releaseRunHold(() => Promise.resolve(repository), context);
    const warnings = await intoCatalog({ loaded, catalogUrl }, context.signal, { events: [eventOfSabotage(evidence)] });
    const { verdict, reasons } = evidence;
    return {
      ...{ id, cluster, verdict, reasons, seed, trials, leftOut },
      ...(control === undefined ? {} : { control }),
      evidencePath: storage.pathOf(sabotageKey(id)),
      warnings,
    };
  });

function rerunCommand({ cluster, input, trials, seed }: SabotageRun): string {
  const kind = trials.length === 1 ? trials[0]?.kind : input['kind'];
  return `pgdrill sabotage-drill ${cluster}${typeof kind === 'string' ? ` --kind ${kind}` : ''} --seed ${seed}`;
}
