import { clusterOf } from '../src/configuration/cluster.js';
import { listBackups } from '../src/repository/repository.js';
import { chainOf } from '../src/repository/chains.js';
import { moveTarget } from '../src/restore/move-target.js';
import type { Plan, ResolvedTarget, Sandbox } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { repositoryFor } from './repository-for.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { type Step, step } from './step.js';

interface MoveTarget {
  cluster: string;
  sandbox: Sandbox;
  reachedLsn: string;
  from: ResolvedTarget;
  /** The restore that goes further. */
  plan: Plan;
}

/** Retarget: a paused sandbox gets a target further on; the next replay goes there. */
export const createMoveTarget = (dependencies: Dependencies): Step<MoveTarget, void> =>
  step(async (input: MoveTarget, context) => {
    const { plan, sandbox, reachedLsn, from } = input;
    const { repository, walDirectory, wal } = await repositoryFor(
      clusterOf(dependencies.loaded, input.cluster),
      undefined,
    );
    const last = chainOf(await listBackups(repository), plan.chain.at(-1)?.id ?? '').at(-1);
    if (last === undefined) throw new RangeError('an empty chain');
    context.progress({ doing: 'reading the WAL up to the other target' });
    await moveTarget(
      await toolsOfSandbox(dependencies, sandbox),
      { sandbox, reachedLsn, from, to: plan.target, wal: plan.wal, walDirectory, fetchedBy: wal, last },
      context.signal,
    );
  });
