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
  sandbox: Sandbox;
  reachedLsn: string;
  from: ResolvedTarget;
  to: ResolvedTarget;
  /** The restore that goes further than the one that was prepared: its WAL has not been read. */
  unread?: { cluster: string; plan: Plan };
}

/** Retarget: a paused sandbox gets a target further on; the next replay goes there. */
export const createMoveTarget = (dependencies: Dependencies): Step<MoveTarget, void> =>
  step(async (input: MoveTarget, context) => {
    const { sandbox, reachedLsn, from, to, unread } = input;
    const tools = await toolsOfSandbox(dependencies, sandbox);
    const move = { sandbox, reachedLsn, from, to };
    if (unread === undefined) {
      await moveTarget(tools, move, context.signal);
      return;
    }
    const { cluster, plan } = unread;
    const { repository, walDirectory, wal } = await repositoryFor(clusterOf(dependencies.loaded, cluster), undefined);
    const last = chainOf(await listBackups(repository), plan.chain.at(-1)?.id ?? '').at(-1);
    if (last === undefined) throw new RangeError('an empty chain');
    context.progress({ doing: 'reading the WAL up to the other target' });
    const way = { wal: plan.wal, walDirectory, fetchedBy: wal, last };
    await moveTarget(tools, { ...move, unread: way }, context.signal);
  });
