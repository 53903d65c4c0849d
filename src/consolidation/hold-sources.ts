import { PgdrillError } from '../errors.js';
import type { StepContext } from '../process/step-context.js';
import type { Owner } from '../registry/entry.js';
import { putHold, releaseHold } from '../repository/holds.js';
import type { Repository } from '../repository/repository.js';
import { runHoldId } from '../restore/run-hold.js';
import type { BackupRecord } from '../schema/backup-record.js';

/** Longer than it takes to combine any chain. It ends the hold of a run that nobody released, even where no janitor comes by. */
const lastsMs = 7 * 24 * 3_600_000;

/**
 * Works with a chain that nobody removes meanwhile, not even between an attempt that died and the next, when the repository's lock is free.
 * What will be tried again keeps its hold; where no next attempt comes, the janitor ends it.
 *
 * @throws BusyError where the hold cannot be written because others write holds; StorageError, DiskFullError.
 */
export async function withSourcesHeld<T>(
  repository: Repository,
  owner: Owner,
  chain: readonly BackupRecord[],
  { signal }: StepContext,
  work: () => Promise<T>,
): Promise<T> {
  const { namespace, workflowId, runId } = owner;
  const id = runHoldId(owner);
  const now = Date.now();
  await putHold(
    repository,
    {
      ...{ formatVersion: 1, id, cluster: repository.cluster, by: { kind: 'run', namespace, workflowId, runId } },
      reason: 'a full backup is made of this chain',
      everything: false,
      backups: chain.map((backup) => backup.id),
      since: new Date(now).toISOString(),
      until: new Date(now + lastsMs).toISOString(),
    },
    signal,
  );
  try {
    const done = await work();
    await releaseHold(repository, id);
    return done;
  } catch (error) {
    const final = signal.aborted || (error instanceof PgdrillError && !error.retryable);
    if (final) await releaseHold(repository, id).catch(() => undefined); // the janitor's, then
    throw error;
  }
}
