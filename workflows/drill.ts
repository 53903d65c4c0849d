import { ApplicationFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import type { z } from 'zod';

import type { DrillResult } from '../src/schema/evidence.js';
import { bytes, seconds } from '../src/schema/figures.js';
import type { Capture, Finding } from '../src/schema/results.js';
import type { ChosenScenario } from '../src/schema/scenario.js';
import { type BackupType, drillInputSchema } from '../src/schema/workflow-inputs.js';
import { begin } from './begin.js';
import { gateTimeoutOf } from './gate-timeout.js';
import { Gates } from './gates.js';
import { StoppedAtGate } from './stopped-at-gate.js';
import { parseInput } from './input.js';
import { tellOfEnd } from './notify.js';
import { asCancellation, rootFailure, RunProgress } from './progress.js';
import { record, type RunOutcome } from './record.js';
import { restore } from './restore.js';
import { runName } from './run-id.js';
import { cleanUpOrAlarm } from './clean-up.js';
import { steps } from './steps.js';
import { takeBackup } from './take-backups.js';

/** The runbook: restore the cluster into a sandbox, prove that it equals the source, record how long it took, clean up. */
export async function drill(rawInput: unknown): Promise<DrillResult> {
  const input = parseInput(drillInputSchema, rawInput);
  const { cluster, backup } = input;
  const progress = new RunProgress('drill', cluster);
  const settings = await begin(progress);
  const gates = new Gates(
    progress,
    input.gates ?? settings.gates,
    gateTimeoutOf(input.gateTimeout, settings),
    settings.gateRules,
  );
  const id = runName();
  const outcome: RunOutcome = { findings: [] };

  let failure: Error | undefined;
  try {
    // What the rotation chooses decides whether the source is asked at all; what another one needs may only be archived by the check.
    if (input.scenario === 'rotate') outcome.scenario = await chooseScenario(progress, input);
    const sourceLost = (outcome.scenario?.name ?? input.scenario) === 'source-lost';
    if (!sourceLost)
      outcome.findings = await progress.step('archive check', () => steps.checkArchive({ cluster }), archivingOf);
    for (const type of backup === 'none' || sourceLost ? [] : (backup.split('+') as BackupType[])) {
      const { warnings } = await takeBackup(progress, cluster, type);
      outcome.findings.push(...warnings.map((message): Finding => ({ name: 'catalog', level: 'warning', message })));
    }
    if (input.scenario !== 'now') outcome.scenario ??= await chooseScenario(progress, input);
    const { target, chain } = outcome.scenario ?? input;
    const onTheWay = outcome.scenario?.onTheWay === true;
    const capture = target === 'fence' ? await captureLsn(progress, cluster, id) : {};
    Object.assign(outcome, capture);
    const { plan, prepared, replay, movedTo } = await restore(
      { cluster, target, onTheWay, sandboxId: id, ...capture, ...(chain === undefined ? {} : { chain }), sourceLost },
      progress,
      gates,
      outcome,
    );
    // Of another target than the fence nothing is known, unless an earlier drill has recorded a fence there.
    const known = plan.recorded !== undefined ? { capture: plan.recorded } : movedTo === undefined ? capture : {};
    const { notCompared, statement } = outcome.scenario ?? {};
    const whyNotKnown = outcome.noFence ?? plan.noFence ?? notCompared;
    const { onTheWay: way } = plan;
    const comparedAt = 'capture' in known || outcome.atFence === undefined ? undefined : way?.recorded.fence.lsn;
    outcome.validation = await progress.step(
      'validation',
      () =>
        steps.validateRestore({
          ...{ cluster, sandbox: prepared.sandbox, target: movedTo ?? target, replay, ...known },
          ...(whyNotKnown === undefined ? {} : { whyNotKnown }),
          ...(comparedAt === undefined ? {} : { comparedAt }),
          ...(statement === undefined ? {} : { statement }),
        }),
      ({ checks }) => checks.map(({ name, status }) => `${name} ${status}`).join(', '),
    );
  } catch (error) {
    failure = asCancellation(asError(error));
  }

  // From here on nothing may be cut short: evidence and clean-up happen even when the drill was cancelled.
  return await CancellationScope.nonCancellable(async () => {
    const ended = await settle(() => record({ kind: 'drill', id, cluster, input, outcome }, progress, failure));
    if (ended.result !== undefined) {
      const { verdict, reasons } = ended.result;
      Object.assign(progress.state, { verdict, ...(verdict === 'passed' ? {} : { reasons }) });
    }
    const cleaned = await settle(() => cleanUpOrAlarm(progress, { cluster, sandboxId: id }));
    await tellOfEnd(progress, 'drill', ended.result, failure ?? ended.error);
    return conclude(failure, ended, cleaned.error);
  });
}

async function chooseScenario(
  progress: RunProgress,
  { cluster, scenario, seed, xid }: z.output<typeof drillInputSchema>,
): Promise<ChosenScenario> {
  return await progress.step(
    'scenario',
    () =>
      steps.chooseScenario({
        cluster,
        scenario,
        ...(seed === undefined ? {} : { seed }),
        ...(xid === undefined ? {} : { xid }),
      }),
    ({ name, why }) => `${name}: ${why}`,
  );
}

async function captureLsn(progress: RunProgress, cluster: string, drillId: string): Promise<{ capture: Capture }> {
  return { capture: await progress.step('LSN capture', () => steps.captureLsn({ cluster, drillId }), describeCapture) };
}

type Ended<T> = { result: T; error?: undefined } | { result?: undefined; error: Error };

/** The outcome of a step that must not keep the next one from running. */
async function settle<T>(run: () => Promise<T>): Promise<Ended<T>> {
  try {
    return { result: await run() };
  } catch (error) {
    return { error: asError(error) };
  }
}

/** How the workflow ends: a verdict `failed` and a step that failed for good are failures in Temporal, too. */
function conclude(
  failure: Error | undefined,
  { result, error }: Ended<DrillResult>,
  cleanUpError: Error | undefined,
): DrillResult {
  const cancelled = failure !== undefined && isCancellation(failure);
  if (cancelled && cleanUpError === undefined) throw failure;
  const stopped = cancelled || failure instanceof StoppedAtGate;
  // A sandbox that is left over takes room and perhaps runs: somebody has to hear of it, whatever the verdict.
  const problem = (stopped ? undefined : failure) ?? cleanUpError ?? error;
  if (problem !== undefined) throw withResult(rootFailure(problem), result);
  if (result === undefined) throw new RangeError('neither a result nor an error');
  if (result.verdict !== 'failed') return result;
  throw ApplicationFailure.create({
    type: 'DrillFailed',
    nonRetryable: true,
    message: result.reasons.join(' '),
    details: [{ exitCode: 1, result }],
  });
}

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

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
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
