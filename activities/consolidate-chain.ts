import { clusterOf } from '../src/configuration/cluster.js';
import { consolidate } from '../src/consolidation/consolidate.js';
import { openRepository } from '../src/repository/repository.js';
import { currentOwner } from '../src/registry/current.js';
import type { BackupRecord } from '../src/schema/backup-record.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfRepository } from './repository-tools.js';
import { type Step, step } from './step.js';

export interface ConsolidationSummary extends Pick<
  BackupRecord,
  'id' | 'cluster' | 'timeline' | 'startLsn' | 'endLsn' | 'durationMs' | 'sizeBytes'
> {
  consolidatedFrom: string[];
  /** How many visibility maps came out of the chain wrong, and were mended. */
  mendedMaps: number;
}

/** Consolidation: one full backup of a chain in the repository, without the source. */
export const createConsolidateChain = (
  dependencies: Dependencies,
): Step<{ cluster: string; upTo?: string | undefined }, ConsolidationSummary> =>
  step(async (input: { cluster: string; upTo?: string | undefined }, context): Promise<ConsolidationSummary> => {
    const repository = await openRepository(clusterOf(dependencies.loaded, input.cluster));
    const tools = await toolsOfRepository(dependencies, repository);
    const record = await consolidate(tools, { repository, upTo: input.upTo, owner: currentOwner() }, context);
    const {
      id,
      cluster,
      timeline,
      startLsn,
      endLsn,
      durationMs,
      sizeBytes,
      consolidatedFrom = [],
      mended = [],
    } = record;
    return {
      ...{ id, cluster, timeline, startLsn, endLsn, durationMs, sizeBytes },
      ...{ consolidatedFrom, mendedMaps: mended.length },
    };
  });
