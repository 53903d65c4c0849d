import { clusterOf } from '../src/configuration/cluster.js';
import { UsageError } from '../src/errors.js';
import { refuseExisting } from '../src/extract/extract.js';
import { toolsDoing, withToolsKnown } from '../src/process/tools-at-work.js';
import { watchWork } from '../src/process/work-watch.js';
import { currentOwner } from '../src/registry/current.js';
import { combinedBytes } from '../src/repository/restored-size.js';
import { refuseDestination } from '../src/restore/destination.js';
import { planRestore } from '../src/restore/plan.js';
import { planOverFence } from '../src/restore/on-the-way.js';
import { planUnderHold } from '../src/restore/run-hold.js';
import { recordedFenceFor } from '../src/restore/recorded-fence.js';
import type { Fence, Plan } from '../src/schema/results.js';
import { parseTarget } from '../src/schema/target.js';
import type { Dependencies } from './dependencies.js';
import { repositoryFor } from './repository-for.js';
import { toolsOfRepository } from './repository-tools.js';
import { phaseUntilNow, type Step, step } from './step.js';

interface PlanInput {
  cluster: string;
  target: string;
  fence?: Fence;
  /** The last backup of the chain that is to be used. */
  chain?: string;
  /** A sandbox whose copy of the repository is to be restored from: a sabotage drill's. */
  copyIn?: string;
  /** Whether to come by a recorded fence, to be compared there, where none lies at the target itself. */
  onTheWay?: boolean;
  /** The source counts as lost: it is asked for nothing. */
  sourceLost?: boolean;
  /** Where it is to go, looked at before anything is done: the data directory of a recovery, the file of an extraction. */
  into?: string;
  file?: string;
}

/** Restore preparation, first half: which chain, which WAL, where exactly to stop. The RTO clock starts when this is scheduled. */
export const createPlanRestore = (dependencies: Dependencies): Step<PlanInput, Plan> =>
  step(async (input: PlanInput, context): Promise<Plan> => {
    const cluster = clusterOf(dependencies.loaded, input.cluster);
    const target = parseTarget(input.target);
    if (typeof target === 'string')
      throw new UsageError({ what: target, means: 'There is no such target.', todo: 'Correct it.' });
    const { repository, walDirectory, wal } = await repositoryFor(cluster, input.copyIn);
    const tools = await toolsOfRepository(dependencies, repository);
    const { signal } = context;
    const { fence, chain } = input;
    const source = input.sourceLost === true ? {} : { source: cluster.connection };
    const plainPlan = (over?: string): ReturnType<typeof planRestore> =>
      planRestore(tools, { repository, walDirectory, wal, ...source, target, fence, chain, over, signal });
    const makePlan = (): ReturnType<typeof planOverFence> =>
      input.onTheWay === true ? planOverFence(tools, { repository, walDirectory }, plainPlan) : plainPlan();
    const owner = currentOwner();
    // A copy is the drill's own: nobody else removes anything from it.
    const { result: plan, ...seen } = await withToolsKnown(() =>
      watchWork(toolsDoing(), () =>
        input.copyIn !== undefined || owner === undefined
          ? makePlan()
          : planUnderHold(repository, owner, signal, makePlan),
      ),
    );
    const last = plan.chain.at(-1);
    if (input.into !== undefined && last !== undefined)
      await refuseDestination(input.into, combinedBytes(plan.chain), last.tablespaces.length > 0);
    if (input.file !== undefined) await refuseExisting(input.file);
    const recorded = await recordedFenceFor(tools, { repository, walDirectory, target, resolved: plan.target });
    return {
      orderedAt: context.scheduledAt.toISOString(),
      chain: plan.chain.map(({ id, type, startLsn, endLsn, sizeBytes }) => ({ id, type, startLsn, endLsn, sizeBytes })),
      target: plan.target,
      wal: plan.wal,
      warnings: plan.warnings,
      ...(recorded === undefined ? { onTheWay: plan.onTheWay, noFence: plan.noFence } : { recorded }),
      estimate: plan.estimate,
      phases: [phaseUntilNow(context, 'plan', seen)],
    };
  });
