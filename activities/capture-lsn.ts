import { clusterOf } from '../src/configuration/cluster.js';
import { withConnection } from '../src/postgres/connection.js';
import { readSource } from '../src/postgres/source.js';
import { captureSource } from '../src/proof/capture.js';
import { openRepository } from '../src/repository/repository.js';
import type { Capture } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { type Step, step } from './step.js';

/** LSN capture: the simulated failure, the fence, and the source's fingerprint at it. */
export const createCaptureLsn = ({
  loaded,
  toolsFor,
}: Dependencies): Step<{ cluster: string; drillId: string }, Capture> =>
  step(async (input: { cluster: string; drillId: string }, context): Promise<Capture> => {
    const cluster = clusterOf(loaded, input.cluster);
    const source = await withConnection(cluster.connection, readSource, { signal: context.signal });
    return await captureSource(
      await toolsFor(Math.floor(source.serverVersionNumber / 10_000)),
      { ...cluster, ...cluster.fingerprint, repository: await openRepository(cluster), drillId: input.drillId },
      context,
    );
  });
