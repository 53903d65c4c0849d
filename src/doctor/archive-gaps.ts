import { messageOf } from '../errors.js';
import type { Repository } from '../repository/repository.js';
import type { Finding } from '../schema/results.js';
import { findArchiveGaps, openGaps } from '../verify/verify.js';

const name = 'archive gaps';

/**
 * WAL that is missing behind backups, so that replay from them ends there. Only names and sizes are looked at. It warns and never fails: a
 * backup is what then helps. Gaps that somebody acknowledged, and those that no restore to the newest timeline needs, are passed over.
 */
export async function checkArchiveGaps(
  repository: Repository,
  walDirectory: string,
  signal: AbortSignal,
): Promise<Finding[]> {
  const { cluster } = repository;
  try {
    const gaps = openGaps(await findArchiveGaps(repository, walDirectory, signal));
    return gaps.map(({ id, what, means }) => ({
      name,
      level: 'warning',
      message: `${what} ${means}`,
      fix: `Take a full backup, unless one was taken since (pgdrill backup ${cluster} --type full). Bring the WAL back if another copy exists; else accept the loss: pgdrill repo verify ${cluster}, then pgdrill repo acknowledge ${cluster} ${id} --reason "…".`,
    }));
  } catch (error) {
    signal.throwIfAborted();
    return [{ name, level: 'warning', message: `not looked for: ${messageOf(error)}` }];
  }
}
