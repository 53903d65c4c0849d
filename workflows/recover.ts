import { ApplicationFailure, CancellationScope, isCancellation } from '@temporalio/workflow';

import type { Approval, Plan, Replay } from '../src/schema/results.js';
import { recoverInputSchema } from '../src/schema/workflow-inputs.js';
import { gateTimeoutOf } from './gate-timeout.js';
import { Gates, StoppedAtGate } from './gates.js';
import { parseInput } from './input.js';
import { rootFailure, RunProgress } from './progress.js';
import { restore, type RestoreOutcome } from './restore.js';
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
  approvals: Approval[];
  /** What the person who takes over has to know. */
  notes: string[];
}

/** A restore for real: the same steps as a drill, into an empty directory that is kept, stopped cleanly and ready to start. */
export async function recover(rawInput: unknown): Promise<RecoverResult> {
  const input = parseInput(recoverInputSchema, rawInput);
  const { cluster, into, target } = input;
  const progress = new RunProgress('recover', cluster);
  const settings = await steps.loadSettings({ cluster });
  const gates = new Gates(progress, input.gates, gateTimeoutOf(input.gateTimeout, settings));
  const sandboxId = runName();
  const outcome: RestoreOutcome = {};
  try {
    const { plan, prepared, replay } = await restore({ cluster, target, sandboxId, into }, progress, gates, outcome);
    const notes = await progress.step('hand-over', () => steps.handOver({ sandbox: prepared.sandbox }));
    return {
      outcome: 'recovered',
      ...describe(plan, replay),
      cluster,
      into,
      target,
      approvals: progress.state.approvals,
      notes,
    };
  } catch (error) {
    return await CancellationScope.nonCancellable(async () => {
      // An opened server holds the recovered data: that is never thrown away, whatever fails afterwards.
      if (outcome.opened === undefined)
        await progress.step('clean-up', () => steps.cleanUp({ cluster, sandboxId, into }));
      if (error instanceof StoppedAtGate) {
        const { decision } = error.approval;
        return {
          outcome: decision === 'rejected' ? 'rejected' : 'expired',
          ...describe(outcome.plan, outcome.replay),
          cluster,
          into,
          target,
          approvals: progress.state.approvals,
          notes: [`Nothing was kept: ${into} is as it was before.`],
        };
      }
      if (isCancellation(error)) throw error;
      const { type, message, details } = rootFailure(error);
      throw ApplicationFailure.create({ type, message, nonRetryable: true, details });
    });
  }
}

function describe(
  plan: Plan | undefined,
  replay: Replay | undefined,
): Pick<RecoverResult, 'chain' | 'reachedLsn' | 'lastCommitAt'> {
  return {
    chain: plan?.chain.map(({ id }) => id) ?? [],
    ...(replay === undefined ? {} : { reachedLsn: replay.reachedLsn }),
    ...(replay?.lastCommitAt === undefined ? {} : { lastCommitAt: replay.lastCommitAt }),
  };
}
