import { clusterOf } from '../src/configuration/cluster.js';
import { listBackups } from '../src/repository/repository.js';
import { chainOf } from '../src/repository/chains.js';
import { prepareRestore } from '../src/restore/prepare.js';
import { sandboxLayout } from '../src/restore/sandbox.js';
import type { Plan, Prepared } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { repositoryFor } from './repository-for.js';
import { type Step, step } from './step.js';

interface PrepareInput {
  cluster: string;
  sandboxId: string;
  plan: Plan;
  into?: string;
  /** As for planRestore. */
  copyIn?: string;
}

/** Restore preparation, second half: verify every link, combine them, give the sandbox its own configuration. */
export const createPrepareRestore = ({ loaded, toolsFor }: Dependencies): Step<PrepareInput, Prepared> =>
  step(async (input: PrepareInput, context): Promise<Prepared> => {
    const cluster = clusterOf(loaded, input.cluster);
    const { repository, walDirectory, wal } = await repositoryFor(cluster, input.copyIn);
    const newest = input.plan.chain.at(-1)?.id ?? '';
    const chain = chainOf(await listBackups(repository), newest);
    const last = chain[chain.length - 1];
    if (last === undefined) throw new RangeError('an empty chain');
    return await prepareRestore(
      await toolsFor(Math.floor(last.serverVersionNumber / 10_000)),
      {
        repository,
        chain,
        target: input.plan.target,
        wal: input.plan.wal,
        walDirectory,
        fetchedBy: wal,
        sandbox: { ...sandboxLayout(input.sandboxId, cluster.sandboxDirectory, input.into), superuser: last.superuser },
        settings: cluster.sandboxSettings,
      },
      context,
    );
  });
