import { randomUUID } from 'node:crypto';

import { UsageError } from '../errors.js';
import type { Hold } from '../schema/hold.js';
import { putHold } from './holds.js';
import { listBackups, type Repository } from './repository.js';

/**
 * Lets a person hold a backup and all that it builds on.
 *
 * @param request.withWal also the WAL from the backup's start on, so that it can be restored to any later moment.
 * @throws UsageError where there is no such backup, or `until` is over.
 */
export async function holdBackup(
  repository: Repository,
  request: { backup: string; by: string; reason: string; until?: Date | undefined; withWal?: boolean; now?: Date },
): Promise<Hold> {
  const now = request.now ?? new Date();
  const backups = await listBackups(repository);
  const backup = backups.find(({ id }) => id === request.backup);
  if (backup === undefined) {
    throw new UsageError({
      what: `There is no backup ${request.backup} in ${repository.path}.`,
      means: 'Nothing is held.',
      todo: `Name one that exists: pgdrill backups ${repository.cluster}`,
    });
  }
  if (request.until !== undefined && request.until <= now) {
    throw new UsageError({
      what: `The hold would be over already: ${request.until.toISOString()} is past.`,
      means: 'Nothing is held.',
      todo: 'Name a moment to come, such as --until 90d or --until 2027-01-31.',
    });
  }
  const hold: Hold = {
    formatVersion: 1,
    id: `hold-${now.toISOString().slice(0, 10)}-${randomUUID().slice(0, 8)}`,
    cluster: repository.cluster,
    by: { kind: 'person', name: request.by },
    reason: request.reason,
    everything: false,
    backups: [backup.id],
    ...(request.withWal === true ? { wal: { from: backup.startLsn, timeline: backup.timeline } } : {}),
    since: now.toISOString(),
    ...(request.until === undefined ? {} : { until: request.until.toISOString() }),
  };
  await putHold(repository, hold, new AbortController().signal);
  // It may have gone between the look and the lock.
  if ((await listBackups(repository)).some(({ id }) => id === backup.id)) return hold;
  throw new UsageError({
    what: `Backup ${backup.id} was deleted just now.`,
    means: 'There is nothing left to hold.',
    todo: `Look at what there is (pgdrill backups ${repository.cluster}); the hold ${hold.id} can be released.`,
  });
}
