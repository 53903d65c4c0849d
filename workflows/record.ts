import { isCancellation, workflowInfo } from '@temporalio/workflow';

import type { DrillResult, Evidence } from '../src/schema/evidence.js';
import type { Extracted } from '../src/schema/extraction.js';
import type { HandOver } from '../src/schema/hand-over.js';
import type { Capture, Finding, Validation } from '../src/schema/results.js';
import type { ChosenScenario } from '../src/schema/scenario.js';
import { StoppedAtGate } from './stopped-at-gate.js';
import { rootFailure, type RunProgress } from './progress.js';
import type { RestoreOutcome } from './restore.js';
import { steps } from './steps.js';

/** What a run has come to when it ends: all that goes into the evidence. */
export interface RunOutcome extends RestoreOutcome {
  findings: Finding[];
  scenario?: ChosenScenario;
  capture?: Capture;
  validation?: Validation;
  handOver?: HandOver;
  extracted?: Extracted;
}

/** How the runbook calls a step, and how its activity is called. */
export const activityNames: Readonly<Record<string, string>> = {
  plan: 'planRestore',
  'restore preparation': 'prepareRestore',
  replay: 'replayWal',
  comparison: 'compareAtFence',
  open: 'openSandbox',
  validation: 'validateRestore',
  extraction: 'extractDump',
};

/**
 * RTO/RPO recording, however the run ended.
 *
 * @param failure what ended it early, if anything did.
 */
export async function record(
  run: { kind: Evidence['kind']; id: string; cluster: string; input: Record<string, unknown>; outcome: RunOutcome },
  progress: RunProgress,
  failure: Error | undefined,
): Promise<DrillResult> {
  const { workflowId, runId, startTime } = workflowInfo();
  const failedStep = activityNames[progress.current] ?? progress.current;
  const failed =
    failure === undefined || failure instanceof StoppedAtGate ? undefined : describeFailure(failure, run.kind);
  const { cluster, outcome, ...rest } = run;
  return await progress.step(
    'RTO/RPO recording',
    () =>
      steps.recordObjectives({
        cluster,
        outcome: {
          ...outcome,
          ...rest,
          workflowId,
          runId,
          startedAt: startTime.toISOString(),
          approvals: progress.state.approvals,
          ...(failed === undefined
            ? {}
            : { failure: { step: failedStep, type: failed.type, message: failed.message } }),
        },
      }),
    ({ verdict, rtoSeconds }) =>
      run.kind === 'drill' ? verdict : rtoSeconds === undefined ? '' : `RTO ${rtoSeconds.toFixed(1)} s`,
  );
}

/** A cancel reaches us as the failure of whatever ran just then: the evidence says what it was. */
function describeFailure(failure: Error, kind: Evidence['kind']): ReturnType<typeof rootFailure> {
  if (!isCancellation(failure)) return rootFailure(failure);
  return { type: 'Cancelled', message: `The ${kind} was cancelled.`, details: [] };
}
