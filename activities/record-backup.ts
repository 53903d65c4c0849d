import { recordBackup, recordEvent, recordFailedBackup } from '../src/catalog/catalog.js';
import { clusterOf } from '../src/configuration/cluster.js';
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
      warnings: await intoCatalog(catalogUrl, context.signal, async (client) => {
        await recordBackup(client, record, { path, workflowId });
        await recordEvent(client, {
          cluster: record.cluster,
          at: record.finishedAt,
          severity: record.fallbackReason === undefined ? 'info' : 'warning',
          kind: 'backup_completed',
          message: `${record.type} backup ${record.id}${record.fallbackReason === undefined ? '' : `, because ${record.fallbackReason}`}`,
          figures: { durationSeconds: record.durationMs / 1_000, sizeBytes: record.sizeBytes },
          operation: record.operation,
        });
      }),
    };
  });

export interface FailedBackup {
  cluster: string;
  type: BackupType;
  startedAt: string;
  message: string;
}

/** Notes a backup that failed for good. */
export const createRecordFailedBackup = ({ catalogUrl }: Dependencies): Step<FailedBackup, Warnings> =>
  step(async (input: FailedBackup, context): Promise<Warnings> => {
    const finishedAt = new Date().toISOString();
    const { cluster, message } = input;
    const { workflowId, operation } = context;
    return {
      warnings: await intoCatalog(catalogUrl, context.signal, async (client) => {
        await recordFailedBackup(client, { ...input, finishedAt, reason: message, workflowId, operation });
        await recordEvent(client, {
          cluster,
          at: finishedAt,
          severity: 'critical',
          kind: 'backup_failed',
          message,
          operation,
        });
      }),
    };
  });
