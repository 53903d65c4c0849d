import { recordBackup, withCatalog } from '../src/catalog/catalog.js';
import { clusterOf } from '../src/configuration/cluster.js';
import { messageOf } from '../src/errors.js';
import { keys, listBackups, openRepository } from '../src/repository/repository.js';
import type { Dependencies } from './dependencies.js';
import { type Step, step } from './step.js';

/** Copies a backup's record into the catalog. The repository has it already, so a catalog that is down is a warning only. */
export const createRecordBackup = ({
  loaded,
  catalogUrl,
}: Dependencies): Step<{ cluster: string; backupId: string }, { warnings: string[] }> =>
  step(async (input: { cluster: string; backupId: string }, context): Promise<{ warnings: string[] }> => {
    const repository = await openRepository(clusterOf(loaded, input.cluster));
    const record = (await listBackups(repository)).find(({ id }) => id === input.backupId);
    if (record === undefined || catalogUrl === undefined)
      return { warnings: catalogUrl === undefined ? ['No catalog is configured.'] : [] };
    try {
      await withCatalog(
        catalogUrl,
        (client) =>
          recordBackup(client, record, {
            path: repository.storage.pathOf(keys.backup(record.id)),
            workflowId: context.workflowId,
          }),
        context.signal,
      );
      return { warnings: [] };
    } catch (error) {
      context.signal.throwIfAborted();
      return { warnings: [`The catalog could not be written: ${messageOf(error)}`] };
    }
  });
