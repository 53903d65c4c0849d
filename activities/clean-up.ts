import { clusterOf } from '../src/configuration/cluster.js';
import { exists } from '../src/files/durable.js';
import { claimOf, removeSandbox, sandboxLayout } from '../src/restore/sandbox.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { type Step, step } from './step.js';

/** Clean-up: the sandbox's server and files go, whatever state they are in. Run again, it does nothing. */
export const createCleanUp = (
  dependencies: Dependencies,
): Step<{ cluster: string; sandboxId: string; into?: string }, void> =>
  step(async (input: { cluster: string; sandboxId: string; into?: string }): Promise<void> => {
    const { sandboxDirectory } = clusterOf(dependencies.loaded, input.cluster);
    // A recovery's directory is ours only where it was claimed while empty. Else it is somebody's, perhaps a running server's: hands off.
    const wanted = sandboxLayout(input.sandboxId, sandboxDirectory, input.into);
    const layout = (await exists(claimOf(wanted))) ? wanted : sandboxLayout(input.sandboxId, sandboxDirectory);
    await removeSandbox(await toolsOfSandbox(dependencies, layout), layout);
  });
