import { clusterOf } from '../src/configuration/cluster.js';
import { resolveService } from '../src/postgres/conninfo.js';
import { validateRestore } from '../src/proof/validate.js';
import { openRepository } from '../src/repository/repository.js';
import { openSandbox } from '../src/restore/open.js';
import type { Capture, Sandbox, Validation } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { secondsSinceScheduled, type Step, step } from './step.js';

/** Validation: everything that is known of the source is compared with the sandbox. */
export const createValidateRestore = (
  dependencies: Dependencies,
): Step<{ cluster: string; sandbox: Sandbox; capture?: Capture }, Validation> =>
  step(async (input: { cluster: string; sandbox: Sandbox; capture?: Capture }, context): Promise<Validation> => {
    const cluster = clusterOf(dependencies.loaded, input.cluster);
    const tools = await toolsOfSandbox(dependencies, input.sandbox);
    // Where the server died under an earlier attempt it is started again, and looked at from the beginning.
    if (context.attempt > 1) await openSandbox(tools, input.sandbox, context);
    const { checks, notCompared } = await validateRestore(
      tools,
      {
        repository: await openRepository(cluster),
        sandbox: input.sandbox,
        role: resolveService(cluster.connection)['user'] ?? process.env['PGUSER'] ?? input.sandbox.superuser,
        capture: input.capture,
        connections: cluster.fingerprint.connections,
      },
      context,
    );
    return {
      checks,
      notCompared,
      phases: [{ name: 'validate', seconds: secondsSinceScheduled(context) }],
      finishedAt: new Date().toISOString(),
    };
  });
