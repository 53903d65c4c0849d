import { clusterOf } from '../src/configuration/cluster.js';
import { UsageError } from '../src/errors.js';
import { newestBackup } from '../src/repository/chains.js';
import { listBackups } from '../src/repository/repository.js';
import { planRestore } from '../src/restore/plan.js';
import type { Fence, Plan } from '../src/schema/results.js';
import { parseTarget } from '../src/schema/target.js';
import type { Dependencies } from './dependencies.js';
import { repositoryFor } from './repository-for.js';
import { secondsSinceScheduled, type Step, step } from './step.js';

interface PlanInput {
  cluster: string;
  target: string;
  fence?: Fence;
  /** A sandbox whose copy of the repository is to be restored from: a sabotage drill's. */
  copyIn?: string;
}

/** Restore preparation, first half: which chain, which WAL, where exactly to stop. The RTO clock starts when this is scheduled. */
export const createPlanRestore = ({ loaded, toolsFor }: Dependencies): Step<PlanInput, Plan> =>
  step(async (input: PlanInput, context): Promise<Plan> => {
    const cluster = clusterOf(loaded, input.cluster);
    const target = parseTarget(input.target);
    if (typeof target === 'string')
      throw new UsageError({ what: target, means: 'There is no such target.', todo: 'Correct it.' });
    const place = await repositoryFor(cluster, input.copyIn);
    // pg_waldump reads the WAL of its own version only.
    const version = newestBackup(await listBackups(place.repository))?.serverVersionNumber ?? 0;
    const plan = await planRestore(await toolsFor(Math.floor(version / 10_000)), {
      ...place,
      target,
      fence: input.fence,
      signal: context.signal,
    });
    return {
      orderedAt: context.scheduledAt.toISOString(),
      chain: plan.chain.map(({ id, type, startLsn, endLsn, sizeBytes }) => ({ id, type, startLsn, endLsn, sizeBytes })),
      target: plan.target,
      wal: plan.wal,
      warnings: plan.warnings,
      phases: [{ name: 'plan', seconds: secondsSinceScheduled(context) }],
    };
  });
