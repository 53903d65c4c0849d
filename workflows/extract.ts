import { ApplicationFailure, CancellationScope, isCancellation } from '@temporalio/workflow';

import type { DrillResult } from '../src/schema/evidence.js';
import { type Extracted, extractInputSchema } from '../src/schema/extraction.js';
import { bytes } from '../src/schema/figures.js';
import type { Approval } from '../src/schema/results.js';
import { begin } from './begin.js';
import { cleanUpOrAlarm } from './clean-up.js';
import { fixOrGiveUp, GivenUp } from './fix-or-give-up.js';
import { gateTimeoutOf } from './gate-timeout.js';
import { Gates } from './gates.js';
import { parseInput } from './input.js';
import { tellOfEnd } from './notify.js';
import { asCancellation, rootFailure, RunProgress } from './progress.js';
import { record, type RunOutcome } from './record.js';
import { restore } from './restore.js';
import { runName } from './run-id.js';
import { steps } from './steps.js';
import { StoppedAtGate } from './stopped-at-gate.js';

/** What an extraction answers with. */
export interface ExtractResult {
  outcome: 'extracted' | 'rejected' | 'expired';
  cluster: string;
  target: string;
  chain: string[];
  reachedLsn?: string;
  lastCommitAt?: string;
  /** The file; absent where it was stopped at a gate. */
  extracted?: Extracted;
  evidencePath?: string;
  approvals: Approval[];
}

/** One database or some tables out of a backup: restored into a sandbox, dumped into a file, and the sandbox removed. */
export async function extract(rawInput: unknown): Promise<ExtractResult> {
  const input = parseInput(extractInputSchema, rawInput);
  const { cluster, target, into, database, tables, format } = input;
  const progress = new RunProgress('extract', cluster);
  const settings = await begin(progress);
  const gates = new Gates(progress, input.gates, gateTimeoutOf(input.gateTimeout, settings));
  const id = runName();
  const outcome: RunOutcome = { findings: [] };

  let failure: Error | undefined;
  try {
    const orFix = fixOrGiveUp(gates, progress, input.fixGate);
    const { prepared } = await restore({ cluster, target, sandboxId: id, file: into, orFix }, progress, gates, outcome);
    outcome.extracted = await orFix(() =>
      progress.step(
        'extraction',
        () => steps.extractDump({ sandbox: prepared.sandbox, into, database, tables, format }),
        (each) => `${bytes(each.bytes)} in ${each.path}`,
      ),
    );
  } catch (caught) {
    const error = caught instanceof GivenUp ? caught.failure : caught;
    failure = asCancellation(error instanceof Error ? error : new Error(String(error)));
  }

  return await CancellationScope.nonCancellable(async () => {
    const recorded = await record({ kind: 'extraction', id, cluster, input, outcome }, progress, failure).catch(
      () => undefined,
    );
    try {
      await cleanUpOrAlarm(progress, { cluster, sandboxId: id });
    } finally {
      await tellOfEnd(progress, 'extraction', recorded, failure);
    }
    const answer = { cluster, target, approvals: progress.state.approvals, ...describe(outcome, recorded) };
    if (failure === undefined) return { outcome: 'extracted', ...answer };
    if (failure instanceof StoppedAtGate)
      return { outcome: failure.approval.decision === 'rejected' ? 'rejected' : 'expired', ...answer };
    if (isCancellation(failure)) throw failure;
    throw ApplicationFailure.create({ ...rootFailure(failure), nonRetryable: true });
  });
}

function describe(
  { plan, replay, extracted }: RunOutcome,
  recorded: DrillResult | undefined,
): Pick<ExtractResult, 'chain' | 'reachedLsn' | 'lastCommitAt' | 'extracted' | 'evidencePath'> {
  return {
    chain: plan?.chain.map(({ id }) => id) ?? [],
    ...(replay === undefined ? {} : { reachedLsn: replay.reachedLsn }),
    ...(replay?.lastCommitAt === undefined ? {} : { lastCommitAt: replay.lastCommitAt }),
    ...(extracted === undefined ? {} : { extracted }),
    ...(recorded?.evidencePath === undefined ? {} : { evidencePath: recorded.evidencePath }),
  };
}
