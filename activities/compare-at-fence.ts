import { clusterOf } from '../src/configuration/cluster.js';
import { compareAtFence } from '../src/proof/compare-at-fence.js';
import { openRepository } from '../src/repository/repository.js';
import { replayWal } from '../src/restore/replay.js';
import { onWatchedServer } from '../src/restore/watch-server.js';
import type { Plan, RecordedFence, Sandbox, Validation } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { readingRole } from './reading-role.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { phaseUntilNow, type Step, step } from './step.js';

interface Input {
  cluster: string;
  sandbox: Sandbox;
  /** Its target is the fence. */
  plan: Plan;
  recorded: RecordedFence;
}

/** Comparison on the way: a server that is paused at a recorded fence, against what an earlier drill read of the source there. */
export const createCompareAtFence = (dependencies: Dependencies): Step<Input, Validation> =>
  step(async (input: Input, context): Promise<Validation> => {
    const cluster = clusterOf(dependencies.loaded, input.cluster);
    const { sandbox, plan, recorded } = input;
    const tools = await toolsOfSandbox(dependencies, sandbox);
    const repository = await openRepository(cluster);
    const { checks, notCompared } = await onWatchedServer(sandbox, context, async (watched) => {
      // It may have died since it was paused, or under an earlier attempt: then it goes back there.
      await replayWal(tools, { ...plan, sandbox }, watched);
      return await compareAtFence(
        tools,
        {
          ...{ repository, sandbox, capture: recorded, checks: cluster.checks },
          ...{ role: readingRole(cluster, sandbox).role, connections: cluster.fingerprint.connections },
        },
        watched,
      );
    });
    return {
      checks,
      notCompared,
      phases: [phaseUntilNow(context, 'validate')],
      finishedAt: new Date().toISOString(),
    };
  });
