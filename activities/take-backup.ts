import { clusterOf } from '../src/configuration/cluster.js';
import { withConnection } from '../src/postgres/connection.js';
import { readSource } from '../src/postgres/source.js';
import { openRepository } from '../src/repository/repository.js';
import { takeBackup } from '../src/repository/take-backup.js';
import type { BackupRecord } from '../src/schema/backup-record.js';
import type { BackupType } from '../src/schema/workflow-inputs.js';
import type { Dependencies } from './dependencies.js';
import { type ActivityContext, type Step, step } from './step.js';

/** What a backup leaves in the workflow's history: its record without what only a restore needs. */
export type BackupSummary = Pick<
  BackupRecord,
  | 'id'
  | 'cluster'
  | 'type'
  | 'requestedType'
  | 'fallbackReason'
  | 'policy'
  | 'parent'
  | 'timeline'
  | 'startLsn'
  | 'endLsn'
  | 'startedAt'
  | 'finishedAt'
  | 'durationMs'
  | 'sizeBytes'
  | 'serverVersion'
  | 'unsafe'
>;

export interface WhatToBackUp {
  cluster: string;
  /** The policy that it is taken for, if any. */
  policy?: string | undefined;
}

/** Base backup: a full one, verified and recorded. */
export const createTakeBaseBackup = (dependencies: Dependencies): Step<WhatToBackUp, BackupSummary> =>
  step((input: WhatToBackUp, context): Promise<BackupSummary> => take(dependencies, input, 'full', context));

/** Incremental: on top of the newest backup, or a full where that is not safe. */
export const createTakeIncrementalBackup = (dependencies: Dependencies): Step<WhatToBackUp, BackupSummary> =>
  step((input: WhatToBackUp, context): Promise<BackupSummary> => take(dependencies, input, 'incremental', context));

/** Differential: on top of the newest full backup, or a full where that is not safe. */
export const createTakeDifferentialBackup = (dependencies: Dependencies): Step<WhatToBackUp, BackupSummary> =>
  step((input: WhatToBackUp, context): Promise<BackupSummary> => take(dependencies, input, 'differential', context));

async function take(
  { loaded, toolsFor }: Dependencies,
  { cluster: name, policy }: WhatToBackUp,
  type: BackupType,
  context: ActivityContext,
): Promise<BackupSummary> {
  const cluster = clusterOf(loaded, name);
  const source = await withConnection(cluster.connection, readSource, { signal: context.signal });
  const tools = await toolsFor(Math.floor(source.serverVersionNumber / 10_000));
  const repository = await openRepository(cluster);
  const { connection, backupFrom } = cluster;
  const request = { repository, connection, backupFrom, type, limits: cluster.chain, policy };
  const record = await takeBackup(tools, request, context);
  const {
    id,
    requestedType,
    fallbackReason,
    parent,
    timeline,
    startLsn,
    endLsn,
    startedAt,
    finishedAt,
    durationMs,
    sizeBytes,
    serverVersion,
    unsafe,
  } = record;
  return {
    id,
    cluster: name,
    type: record.type,
    requestedType,
    ...(fallbackReason === undefined ? {} : { fallbackReason }),
    ...(policy === undefined ? {} : { policy }),
    ...(parent === undefined ? {} : { parent }),
    timeline,
    startLsn,
    endLsn,
    startedAt,
    finishedAt,
    durationMs,
    sizeBytes,
    serverVersion,
    ...(unsafe === undefined ? {} : { unsafe }),
  };
}
