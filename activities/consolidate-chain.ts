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
  /** None where the newest backup was a full already, and a policy asked: then it is that one. */
  consolidatedFrom: string[];
  /** How many visibility maps came out of the chain wrong, and were mended. */
  mendedMaps: number;
}

export interface WhatToConsolidate {
  cluster: string;
  upTo?: string | undefined;
  policy?: string | undefined;
}

/** Consolidation: one full backup of a chain in the repository, without the source. */
export const createConsolidateChain = (dependencies: Dependencies): Step<WhatToConsolidate, ConsolidationSummary> =>
  step(async (input: WhatToConsolidate, context): Promise<ConsolidationSummary> => {
    const repository = await openRepository(clusterOf(dependencies.loaded, input.cluster));
    const { upTo, policy } = input;
    const tools = await toolsOfRepository(dependencies, repository);
    const record = await consolidate(tools, { repository, upTo, policy, owner: currentOwner() }, context);
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
    const nothing = policy !== undefined && record.operation !== context.operation;
    return {
      ...{ id, cluster, timeline, startLsn, endLsn, durationMs, sizeBytes },
      ...{ consolidatedFrom: nothing ? [] : consolidatedFrom, mendedMaps: mended.length },
    };
  });
