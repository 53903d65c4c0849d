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

/** Base backup: a full one, verified and recorded. */
export const createTakeBaseBackup = (dependencies: Dependencies): Step<{ cluster: string }, BackupSummary> =>
  step((input: { cluster: string }, context): Promise<BackupSummary> =>
    take(dependencies, input.cluster, 'full', context),
  );

/** Incremental: on top of the newest backup, or a full where that is not safe. */
export const createTakeIncrementalBackup = (dependencies: Dependencies): Step<{ cluster: string }, BackupSummary> =>
  step((input: { cluster: string }, context): Promise<BackupSummary> =>
    take(dependencies, input.cluster, 'incremental', context),
  );

/** Differential: on top of the newest full backup, or a full where that is not safe. */
export const createTakeDifferentialBackup = (dependencies: Dependencies): Step<{ cluster: string }, BackupSummary> =>
  step((input: { cluster: string }, context): Promise<BackupSummary> =>
    take(dependencies, input.cluster, 'differential', context),
  );

async function take(
  { loaded, toolsFor }: Dependencies,
  name: string,
  type: BackupType,
  context: ActivityContext,
): Promise<BackupSummary> {
  const cluster = clusterOf(loaded, name);
  const source = await withConnection(cluster.connection, readSource, { signal: context.signal });
  const tools = await toolsFor(Math.floor(source.serverVersionNumber / 10_000));
  const repository = await openRepository(cluster);
  const record = await takeBackup(
    tools,
    { repository, connection: cluster.connection, type, policy: cluster.chain },
    context,
  );
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
