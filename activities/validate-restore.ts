import { clusterOf } from '../src/configuration/cluster.js';
import { withToolsKnown } from '../src/process/tools-at-work.js';
import { watchWork } from '../src/process/work-watch.js';
import { restoredMoment } from '../src/proof/business/restored-moment.js';
import { validateRestore } from '../src/proof/validate.js';
import { openRepository } from '../src/repository/repository.js';
import { serverDoing } from '../src/restore/server-doing.js';
import { onWatchedServer } from '../src/restore/watch-server.js';
import type { Candidate } from '../src/schema/candidate.js';
import type { KnownFence, Replay, Sandbox, Validation } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { readingRole } from './reading-role.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { phaseUntilNow, type Step, step } from './step.js';

interface Input {
  cluster: string;
  sandbox: Sandbox;
  /** What is known of the source at the target, and why nothing is. */
  capture?: KnownFence;
  whyNotKnown?: string;
  /** Where on the way it was compared. */
  comparedAt?: string;
  /** What the restore has to have undone. */
  statement?: Candidate;
  /** As in the workflow's input, and what replay reached. Absent where an earlier pgdrill began the run. */
  target?: string;
  replay?: Replay;
}

/** Validation: everything that is known of the source is compared with the sandbox. */
export const createValidateRestore = (dependencies: Dependencies): Step<Input, Validation> =>
  step(async (input: Input, context): Promise<Validation> => {
    const cluster = clusterOf(dependencies.loaded, input.cluster);
    const { role, database } = readingRole(cluster, input.sandbox);
    const tools = await toolsOfSandbox(dependencies, input.sandbox);
    const request = {
      repository: await openRepository(cluster),
      sandbox: input.sandbox,
      role,
      capture: input.capture,
      whyNotKnown: input.whyNotKnown,
      comparedAt: input.comparedAt,
      statement: input.statement,
      connections: cluster.fingerprint.connections,
      sourceConnection: cluster.connection,
      business: {
        checks: cluster.checks,
        database,
        asOf: restoredMoment(input.target ?? '', input.replay?.lastCommitAt),
      },
    };
    const { result, ...seen } = await withToolsKnown(() =>
      watchWork(serverDoing(input.sandbox), () =>
        onWatchedServer(input.sandbox, context, (watched) => validateRestore(tools, request, watched)),
      ),
    );
    const { checks, notCompared } = result;
    return {
      checks,
      notCompared,
      phases: [phaseUntilNow(context, 'validate', seen)],
      finishedAt: new Date().toISOString(),
    };
  });
