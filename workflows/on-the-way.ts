import type { Plan, Replay, Sandbox, Validation } from '../src/schema/results.js';
import type { RunProgress } from './progress.js';
import { steps } from './steps.js';

type OnTheWay = NonNullable<Plan['onTheWay']>;

/** The plan as it is until the fence on the way: the same chain and WAL, another place to stop. */
export function upToFence(plan: Plan, { target }: OnTheWay): Plan {
  return { ...plan, target, wal: { ...plan.wal, to: target.lsn ?? plan.wal.to } };
}

/** Compares a server that is paused at the fence on the way, and lets its next replay go on to the target. */
export async function compareOnTheWay(
  { cluster, plan, onTheWay, sandbox }: { cluster: string; plan: Plan; onTheWay: OnTheWay; sandbox: Sandbox },
  { reachedLsn }: Replay,
  progress: RunProgress,
): Promise<Validation> {
  const { target, recorded } = onTheWay;
  const compared = await progress.step(
    'comparison',
    () => steps.compareAtFence({ cluster, sandbox, plan: upToFence(plan, onTheWay), recorded }),
    ({ checks }) =>
      `at ${recorded.fence.lsn}, the fence of ${recorded.drill}: ${checks.map(({ name, status }) => `${name} ${status}`).join(', ')}`,
  );
  await steps.moveTarget({ sandbox, reachedLsn, from: target, to: plan.target });
  return compared;
}

/** For who is asked whether to promote. */
export function describeComparison({ recorded }: OnTheWay, { checks }: Validation): string {
  const open = checks.filter(({ status }) => status !== 'passed').map(({ name, status }) => `${name} ${status}`);
  return `Compared with the source at the fence ${recorded.fence.lsn}: ${open.length === 0 ? 'equal' : open.join(', ')}.`;
}

/** Why content was not compared, where the server took writes at the fence because nobody could look into it there. */
export function couldNotPause({ recorded }: OnTheWay): string {
  return `the restored server could not pause at ${recorded.fence.lsn}, the fence of drill ${recorded.drill}: a transaction with many subtransactions was open from before the backup until there, so nobody could have read it. Restored anew without the stop. A drill of scenario now records another fence`;
}
