import { clusterOf } from '../src/configuration/cluster.js';
import { openRepository } from '../src/repository/repository.js';
import { releaseRunHold, runHoldId } from '../src/restore/run-hold.js';
import { removeSandbox, sandboxLayout } from '../src/restore/sandbox.js';
import type { Dependencies } from './dependencies.js';
import { type Step, step } from './step.js';

/** Clean-up: the sandbox's server and files go, whatever state they are in, and what the run held in the repository. Run again, it does nothing. */
export const createCleanUp = ({
  loaded,
  toolsFor,
}: Dependencies): Step<{ cluster: string; sandboxId: string; into?: string }, void> =>
  step(async (input: { cluster: string; sandboxId: string; into?: string }, context): Promise<void> => {
    const cluster = clusterOf(loaded, input.cluster);
    const { sandboxDirectory } = cluster;
    // pg_ctl of any version stops a server of any other. Whether a recovery's directory is ours to touch, removeSandbox decides.
    await removeSandbox(await toolsFor(0), sandboxLayout(input.sandboxId, sandboxDirectory, input.into));
    // The sandboxes of a sabotage drill's trials are not the run's own: its plan goes on being needed.
    if (input.sandboxId === runHoldId(context)) await releaseRunHold(() => openRepository(cluster), context);
  });
