import type { Capture, Opened, Plan, Prepared, Replay, Validation } from '../src/schema/results.js';
import { bytes, seconds } from '../src/schema/figures.js';
import { joinReplays } from '../src/schema/join-replays.js';
import type { Gates } from './gates.js';
import { compareOnTheWay, couldNotPause, describeComparison, upToFence } from './on-the-way.js';
import type { RunProgress } from './progress.js';
import { steps } from './steps.js';

/** What a restore has come to, step by step: whatever is here when it stops goes into the evidence. */
export interface RestoreOutcome {
  plan?: Plan;
  prepared?: Prepared;
  replay?: Replay;
  /** What was compared at a recorded fence on the way. */
  atFence?: Validation;
  /** Why nothing was. */
  noFence?: string;
  opened?: Opened;
  /** The target that a person chose at gate promote instead of the first one. */
  movedTo?: string;
}

/** A restore that came to its end. */
export type Restored = RestoreOutcome & Required<Pick<RestoreOutcome, 'plan' | 'prepared' | 'replay' | 'opened'>>;

export interface RestoreRequest {
  cluster: string;
  target: string;
  capture?: Capture;
  /** The last backup of the chain that it has to be restored from. */
  chain?: string;
  sandboxId: string;
  /** The data directory of a recovery; a drill has its own. */
  into?: string;
  /** The file of an extraction, which must not be there yet. */
  file?: string;
  /** The source counts as lost: nothing is asked of it. */
  sourceLost?: boolean;
  /** Restore from the copy of the repository in the sandbox's directory, not from the repository: a sabotage drill. */
  fromCopy?: boolean;
  /** Stop at a recorded fence on the way, where there is one, and compare there: nothing is known of the source at the target. */
  onTheWay?: boolean;
  /** Whether gate restore was passed already: it is the same restore, begun anew. */
  again?: boolean;
  /** What becomes of a step that fails for good after the restore was prepared: by default, the restore fails with it. */
  orFix?: OrFix;
}

export type OrFix = <T>(step: () => Promise<T>) => Promise<T>;

const justOnce: OrFix = (step) => step();

/** The restore that drill and recovery share, from the plan to a server that takes writes. */
export async function restore(
  request: RestoreRequest,
  progress: RunProgress,
  gates: Gates,
  outcome: RestoreOutcome,
): Promise<Restored> {
  const { cluster, target, capture, chain, sandboxId, into, file, orFix = justOnce } = request;
  const copyIn = request.fromCopy === true ? { copyIn: sandboxId } : {};

  progress.target = target;
  const plan = await progress.step(
    'plan',
    () =>
      steps.planRestore({
        cluster,
        target,
        ...(capture === undefined ? {} : { fence: capture.fence }),
        ...(chain === undefined ? {} : { chain }),
        ...copyIn,
        ...(request.sourceLost === true ? { sourceLost: true } : {}),
        ...(into === undefined ? {} : { into }),
        ...(file === undefined ? {} : { file }),
        ...(request.onTheWay === true ? { onTheWay: true } : {}),
      }),
    (each) =>
      `${each.chain.map(({ id }) => id).join(' + ')}, ${bytes(each.wal.bytes)} of WAL up to ${each.target.lsn ?? each.wal.to}${each.estimate === undefined ? '' : `; about ${seconds(each.estimate.seconds)} until it takes writes`}`,
  );
  outcome.plan = plan;
  const links = plan.chain.map(({ id }) => id).join(' + ');
  if (request.again !== true) await gates.pass('restore', `Restore ${links} and replay to ${plan.target.requested}?`);
  const { onTheWay } = plan;
  const firstPlan = onTheWay === undefined ? plan : upToFence(plan, onTheWay);

  const prepared = await progress.step(
    'restore preparation',
    // All of the WAL is read, also what lies behind the first stop.
    () =>
      steps.prepareRestore({
        cluster,
        sandboxId,
        plan: { ...plan, target: firstPlan.target },
        ...(into === undefined ? {} : { into }),
        ...copyIn,
      }),
    (each) =>
      `${bytes(each.restoredBytes)}, ${each.phases.map((phase) => `${phase.name} ${seconds(phase.seconds)}`).join(', ')}`,
  );
  outcome.prepared = prepared;
  const { sandbox } = prepared;
  const { socketDirectory, port, superuser } = sandbox;
  progress.state.sandbox = { socketDirectory, port, superuser };

  const replayTo = async (to: Plan): Promise<string> => {
    const earlier = outcome.replay;
    const next = await orFix(() =>
      progress.step(
        'replay',
        () => steps.replayWal({ sandbox, plan: to, ...(earlier === undefined ? {} : { from: earlier.reachedLsn }) }),
        (each) => `${bytes(each.replayedBytes)} of WAL, reached ${each.reachedLsn}`,
      ),
    );
    const replay = joinReplays(earlier, next);
    outcome.replay = replay;
    return `Replay reached ${replay.reachedLsn}${replay.lastCommitAt === undefined ? '' : ` (last commit ${replay.lastCommitAt})`}. Promote?`;
  };
  let reached = await replayTo(firstPlan);
  if (onTheWay !== undefined && outcome.replay !== undefined) {
    if (!outcome.replay.paused) {
      outcome.noFence = couldNotPause(onTheWay);
      await progress.step('clean-up', () => steps.cleanUp({ cluster, sandboxId }));
      delete outcome.replay;
      return await restore({ ...request, onTheWay: false, again: true }, progress, gates, outcome);
    }
    outcome.atFence = await compareOnTheWay({ cluster, plan, onTheWay, sandbox }, outcome.replay, progress);
    reached = `${describeComparison(onTheWay, outcome.atFence)} ${await replayTo(plan)}`;
  }
  await gates.pass('promote', reached, {
    plan: async (to) => {
      const { plan: now = plan, replay } = outcome;
      const next = await steps.planRestore({ cluster, target: to, chain: now.chain.at(-1)?.id ?? '', ...copyIn });
      const move = { sandbox, reachedLsn: replay?.reachedLsn ?? '', from: now.target, to: next.target };
      await steps.moveTarget({ ...move, unread: { cluster, plan: next } });
      return next;
    },
    replay: async (next) => {
      // The clock began when the first plan was ordered.
      const { orderedAt, phases } = plan;
      outcome.plan = { ...next, orderedAt, phases: [...phases, ...next.phases], ...(onTheWay && { onTheWay }) };
      progress.target = outcome.movedTo = next.target.requested;
      return await replayTo(next);
    },
  });

  const opened = await orFix(() =>
    progress.step(
      'open',
      () => steps.openSandbox({ sandbox }),
      (each) => `takes writes on timeline ${each.timeline}`,
    ),
  );
  outcome.opened = opened;
  const { plan: last = plan, replay } = outcome;
  if (replay === undefined) throw new RangeError('opened without a replay');
  return { ...outcome, plan: last, prepared, replay, opened };
}
