import { ApplicationFailure, CancellationScope, isCancellation, workflowInfo } from '@temporalio/workflow';

import type { DrillResult } from '../src/schema/evidence.js';
import type { Capture, Finding, Validation } from '../src/schema/results.js';
import { drillInputSchema } from '../src/schema/workflow-inputs.js';
import { bytes, seconds } from '../src/schema/figures.js';
import { Gates, StoppedAtGate } from './gates.js';
import { parseInput } from './input.js';
import { gateTimeoutOf } from './gate-timeout.js';
import { RunProgress, rootFailure } from './progress.js';
import { restore, type RestoreOutcome } from './restore.js';
import { runName } from './run-id.js';
import { steps } from './steps.js';
import { takeBackup } from './take-backups.js';

/** The runbook: restore the cluster into a sandbox, prove that it equals the source, record how long it took, clean up. */
export async function drill(rawInput: unknown): Promise<DrillResult> {
  const input = parseInput(drillInputSchema, rawInput);
  const { cluster, target } = input;
  const progress = new RunProgress('drill', cluster);
  const settings = await steps.loadSettings({ cluster });
  const gates = new Gates(progress, input.gates ?? settings.gates, gateTimeoutOf(input.gateTimeout, settings));
  const id = runName();
  const outcome: RestoreOutcome & { capture?: Capture; findings: Finding[]; validation?: Validation } = {
    findings: [],
  };

  let failure: Error | undefined;
  try {
    outcome.findings = await progress.step('archive check', () => steps.checkArchive({ cluster }), archivingOf);
    if (input.backup === 'full' || input.backup === 'full+incremental') await takeBackup(progress, cluster, 'full');
    if (input.backup === 'incremental' || input.backup === 'full+incremental')
      await takeBackup(progress, cluster, 'incremental');
    if (target === 'fence') {
      outcome.capture = await progress.step(
        'LSN capture',
        () => steps.captureLsn({ cluster, drillId: id }),
        describeCapture,
      );
    }
    const { capture } = outcome;
    const { prepared } = await restore(
      { cluster, target, sandboxId: id, ...(capture === undefined ? {} : { capture }) },
      progress,
      gates,
      outcome,
    );
    outcome.validation = await progress.step(
      'validation',
      () =>
        steps.validateRestore({ cluster, sandbox: prepared.sandbox, ...(capture === undefined ? {} : { capture }) }),
      ({ checks }) => checks.map(({ name, status }) => `${name} ${status}`).join(', '),
    );
  } catch (error) {
    failure = asError(error);
  }

  // From here on nothing may be cut short: evidence and clean-up happen even when the drill was cancelled.
  return await CancellationScope.nonCancellable(async () => {
    const { workflowId, runId, startTime } = workflowInfo();
    const failedStep = stepNames[progress.current] ?? progress.current;
    const failed = failure === undefined || failure instanceof StoppedAtGate ? undefined : rootFailure(failure);
    const record = () =>
      steps.recordObjectives({
        cluster,
        outcome: {
          ...outcome,
          id,
          kind: 'drill',
          workflowId,
          runId,
          startedAt: startTime.toISOString(),
          input,
          approvals: progress.state.approvals,
          ...(failed === undefined
            ? {}
            : {
                failure: {
                  step: failedStep,
                  type: failed.type,
                  message: failed.message,
                },
              }),
        },
      });
    let result: DrillResult | undefined;
    try {
      result = await progress.step('RTO/RPO recording', record, ({ verdict }) => verdict);
      progress.state.verdict = result.verdict;
    } catch (error) {
      failure ??= asError(error);
    }
    await progress.step('clean-up', () => steps.cleanUp({ cluster, sandboxId: id }));
    if (failure !== undefined && isCancellation(failure)) throw failure;
    if (failed !== undefined) throw withResult(failed, result);
    if (result === undefined) throw failure ?? new Error('no result was recorded');
    if (result.verdict === 'failed') {
      throw ApplicationFailure.create({
        type: 'DrillFailed',
        nonRetryable: true,
        message: result.reasons.join(' '),
        details: [{ exitCode: 1, result }],
      });
    }
    return result;
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** How the runbook calls a step, and how its activity is called. */
const stepNames: Record<string, string> = {
  plan: 'planRestore',
  'restore preparation': 'prepareRestore',
  replay: 'replayWal',
  open: 'openSandbox',
  validation: 'validateRestore',
};

/** The same failure with the drill's result beside it, so that callers have both. */
function withResult(failed: ReturnType<typeof rootFailure>, result: DrillResult | undefined): ApplicationFailure {
  const [first] = failed.details;
  const known = typeof first === 'object' && first !== null ? first : {};
  return ApplicationFailure.create({
    type: failed.type,
    nonRetryable: true,
    message: failed.message,
    details: [{ ...known, ...(result === undefined ? {} : { result }) }],
  });
}

function archivingOf(findings: Finding[]): string {
  return findings.find(({ name }) => name === 'archiving')?.message ?? '';
}

function describeCapture({ fence, rpo, fingerprint }: Capture): string {
  return (
    `fence at ${fence.lsn} (try ${fence.tries}); ${fingerprint.tables} tables, ${fingerprint.rows} rows, ${bytes(fingerprint.sizeBytes)} ` +
    `fingerprinted in ${seconds(fingerprint.durationMs / 1_000)}; RPO ${seconds(rpo.seconds)}, ${bytes(rpo.bytes)}, ${rpo.transactions} transactions`
  );
}
