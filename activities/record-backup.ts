import { eventOfBackup, eventOfFailedBackup, recordBackup, recordFailedBackup } from '../src/catalog/catalog.js';
import { clusterOf, type ResolvedCluster } from '../src/configuration/cluster.js';
import { messageOf } from '../src/errors.js';
import { type BackupFailureTrace, keepFailure } from '../src/repository/failures.js';
import { keys, listBackups, openRepository } from '../src/repository/repository.js';
import type { BackupType } from '../src/schema/workflow-inputs.js';
import type { Dependencies } from './dependencies.js';
import { intoCatalog } from './into-catalog.js';
import { type Step, step } from './step.js';

interface Warnings {
  warnings: string[];
}

/** Copies a backup's record into the catalog, with its duration and size as an event. */
export const createRecordBackup = ({
  loaded,
  catalogUrl,
}: Dependencies): Step<{ cluster: string; backupId: string }, Warnings> =>
  step(async (input: { cluster: string; backupId: string }, context): Promise<Warnings> => {
    const repository = await openRepository(clusterOf(loaded, input.cluster));
    const record = (await listBackups(repository)).find(({ id }) => id === input.backupId);
    if (record === undefined) return { warnings: [`Backup ${input.backupId} is not in the repository any more.`] };
    const path = repository.storage.pathOf(keys.backup(record.id));
    const { workflowId } = context;
    return {
      warnings: await intoCatalog({ loaded, catalogUrl }, context.signal, {
        write: (client) => recordBackup(client, record, { path, workflowId }),
        events: [eventOfBackup(record)],
      }),
    };
  });

export interface FailedBackup {
  cluster: string;
  type: BackupType;
  startedAt: string;
  message: string;
}

/** Notes a backup that failed for good, in the repository too: a catalog that is rebuilt has to know it. */
export const createRecordFailedBackup = ({ loaded, catalogUrl }: Dependencies): Step<FailedBackup, Warnings> =>
  step(async (input: FailedBackup, context): Promise<Warnings> => {
    const { message, ...what } = input;
    const { workflowId, operation } = context;
    const failure = { ...what, finishedAt: new Date().toISOString(), reason: message, workflowId, operation };
    const unkept = await keepTrace(clusterOf(loaded, input.cluster), failure);
    const warnings = await intoCatalog({ loaded, catalogUrl }, context.signal, {
      write: (client) => recordFailedBackup(client, failure),
      events: [eventOfFailedBackup(failure)],
    });
    return { warnings: [...unkept, ...warnings] };
  });

/** A full disk is often what the backup failed of: then there is no trace, which harms no backup. */
async function keepTrace(cluster: ResolvedCluster, failure: BackupFailureTrace): Promise<string[]> {
  try {
    await keepFailure(await openRepository(cluster), failure);
    return [];
  } catch (error) {
    return [`The failure could not be noted in the repository: ${messageOf(error).split('\n')[0] ?? ''}`];
  }
}
