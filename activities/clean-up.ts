import { clusterOf } from '../src/configuration/cluster.js';
import { removeSandbox, sandboxLayout } from '../src/restore/sandbox.js';
import type { Dependencies } from './dependencies.js';
import { type Step, step } from './step.js';

/** Clean-up: the sandbox's server and files go, whatever state they are in. Run again, it does nothing. */
export const createCleanUp = ({
  loaded,
  toolsFor,
}: Dependencies): Step<{ cluster: string; sandboxId: string; into?: string }, void> =>
  step(async (input: { cluster: string; sandboxId: string; into?: string }): Promise<void> => {
    const { sandboxDirectory } = clusterOf(loaded, input.cluster);
    // pg_ctl of any version stops a server of any other. Whether a recovery's directory is ours to touch, removeSandbox decides.
    await removeSandbox(await toolsFor(0), sandboxLayout(input.sandboxId, sandboxDirectory, input.into));
  });
