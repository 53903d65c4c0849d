import { ApplicationFailure, CancellationScope, isCancellation } from '@temporalio/workflow';

import type { DrillResult } from '../src/schema/evidence.js';
import type { HandOver } from '../src/schema/hand-over.js';
import type { Approval } from '../src/schema/results.js';
import { recoverInputSchema } from '../src/schema/workflow-inputs.js';
import { begin } from './begin.js';
import { gateTimeoutOf } from './gate-timeout.js';
import { Gates } from './gates.js';
import { StoppedAtGate } from './stopped-at-gate.js';
import { parseInput } from './input.js';
import { tellOfEnd } from './notify.js';
import { cleanUpOrAlarm } from './clean-up.js';
import { fixOrGiveUp, GivenUp } from './fix-or-give-up.js';
import { asCancellation, rootFailure, RunProgress } from './progress.js';
import { record, type RunOutcome } from './record.js';
import { restore } from './restore.js';
import { runName } from './run-id.js';
import { steps } from './steps.js';

/** What a recovery answers with. */
export interface RecoverResult {
  /** `recovered`, or why it stopped. */
  outcome: 'recovered' | 'rejected' | 'expired';
  cluster: string;
  into: string;
  target: string;
  chain: string[];
  reachedLsn?: string;
  lastCommitAt?: string;
  rtoSeconds?: number;
  evidencePath?: string;
  /** The hand-over sheet, where it lies as a file, and what it says. */
  handOverPath?: string;
  handOver?: HandOver;
  approvals: Approval[];
  /** What the person who takes over has to know. */
  notes: string[];
}

/** A restore for real: the same steps as a drill, into an empty directory that is kept, stopped cleanly and ready to start. */
export async function recover(rawInput: unknown): Promise<RecoverResult> {
  const input = parseInput(recoverInputSchema, rawInput);
  const { cluster, into, target } = input;
  const progress = new RunProgress('recover', cluster);
  const settings = await begin(progress);
  const gates = new Gates(progress, input.gates, gateTimeoutOf(input.gateTimeout, settings), settings.gateRules);
  const sandboxId = runName();
  const outcome: RunOutcome = { findings: [] };
  const answer = { cluster, into, target, approvals: progress.state.approvals };
  const recordRun = (failure?: Error): Promise<DrillResult> =>
    record({ kind: 'recovery', id: sandboxId, cluster, input, outcome }, progress, failure);
  try {
    const orFix = fixOrGiveUp(gates, progress, input.fixGate);
    const { prepared, plan, replay, opened } = await restore(
      { cluster, target, sandboxId, into, orFix },
      progress,
      gates,
      outcome,
    );
    const stopped = await stopAtCutover(
      gates,
      `The server takes writes on timeline ${opened.timeline}. Stop it cleanly and hand it over?`,
    );
    const handOver = (): ReturnType<typeof steps.handOver> =>
      progress.step('hand-over', () =>
        steps.handOver({ sandbox: prepared.sandbox, cluster, plan, replay, opened, settings: input.settings }),
      );
    // Whoever says no here has a server that runs: it is stopped, too.
    const handed = await (stopped === undefined ? orFix(handOver) : CancellationScope.nonCancellable(handOver));
    // An earlier pgdrill answered with notes alone.
    const notes = Array.isArray(handed) ? handed : [];
    if (!Array.isArray(handed)) outcome.handOver = handed;
    if (stopped !== undefined) throw stopped;
    // A cancel that came while the server was handed over is too late to stop anything, and must not cost the evidence.
    const recorded = await CancellationScope.nonCancellable(async () => {
      const result = await recordRun().catch(() => undefined);
      await tellOfEnd(progress, 'recovery', result, undefined);
      return result;
    });
    return {
      outcome: 'recovered',
      ...answer,
      ...describe(outcome),
      ...figuresOf(recorded),
      ...(outcome.handOver === undefined ? {} : { handOver: outcome.handOver }),
      notes: [...(outcome.opened?.findings ?? []).map(({ message }) => message), ...notes],
    };
  } catch (caught) {
    const error = asCancellation(caught instanceof GivenUp ? caught.failure : asError(caught));
    return await CancellationScope.nonCancellable(async () => {
      const recorded = await recordRun(error).catch(() => undefined);
      try {
        // An opened server holds the recovered data: that is never thrown away, whatever fails afterwards.
        if (outcome.opened === undefined) await cleanUpOrAlarm(progress, { cluster, sandboxId, into });
      } finally {
        await tellOfEnd(progress, 'recovery', recorded, error);
      }
      if (error instanceof StoppedAtGate) {
        const ending = error.approval.decision === 'rejected' ? 'rejected' : 'expired';
        const notes = [
          outcome.opened === undefined
            ? `Nothing was kept: ${into} is as it was before.`
            : `${into} has the recovered server, stopped cleanly. When you are sure that nobody needs it, remove the directory.`,
        ];
        return { outcome: ending, ...answer, ...describe(outcome), ...figuresOf(recorded), notes };
      }
      if (isCancellation(error)) throw error;
      const { type, message, details } = rootFailure(error);
      throw ApplicationFailure.create({ type, message, nonRetryable: true, details });
    });
  }
}

/**
 * Waits at gate cutover, where this run has it.
 *
 * @returns why it goes no further: somebody said no, nobody answered, or the run was cancelled meanwhile.
 */
async function stopAtCutover(gates: Gates, question: string): Promise<Error | undefined> {
  try {
    await gates.pass('cutover', question);
    return undefined;
  } catch (error) {
    return asCancellation(asError(error));
  }
}

function asError(caught: unknown): Error {
  return caught instanceof Error ? caught : new Error(String(caught));
}

function figuresOf(
  recorded: DrillResult | undefined,
): Pick<RecoverResult, 'rtoSeconds' | 'evidencePath' | 'handOverPath'> {
  return {
    ...(recorded?.rtoSeconds === undefined ? {} : { rtoSeconds: recorded.rtoSeconds }),
    ...(recorded?.evidencePath === undefined ? {} : { evidencePath: recorded.evidencePath }),
    ...(recorded?.handOverPath === undefined ? {} : { handOverPath: recorded.handOverPath }),
  };
}

function describe({
  plan,
  replay,
  movedTo,
}: RunOutcome): Pick<RecoverResult, 'chain' | 'reachedLsn' | 'lastCommitAt'> & { target?: string } {
  return {
    ...(movedTo === undefined ? {} : { target: movedTo }),
    chain: plan?.chain.map(({ id }) => id) ?? [],
    ...(replay === undefined ? {} : { reachedLsn: replay.reachedLsn }),
    ...(replay?.lastCommitAt === undefined ? {} : { lastCommitAt: replay.lastCommitAt }),
  };
}
