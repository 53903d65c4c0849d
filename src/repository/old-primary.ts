import { SourceNotReadyError } from '../errors.js';
import type { Source } from '../postgres/source.js';
import type { BackupRecord } from '../schema/backup-record.js';

/**
 * A cluster never goes back to an older timeline. A source that is on an older one than the newest backup is a primary that a failover left
 * behind and that somebody started again: two servers take writes, and its backups would be of the wrong one.
 *
 * @throws SourceNotReadyError.
 */
export function refuseOldPrimary(source: Pick<Source, 'timeline'>, backups: readonly BackupRecord[]): void {
  const newer = backups.find(({ timeline }) => timeline > source.timeline);
  if (newer === undefined) return;
  throw new SourceNotReadyError({
    what: `The source is on timeline ${source.timeline}, but backup ${newer.id} is of timeline ${newer.timeline}.`,
    means:
      'A standby was promoted, and this is the old primary, which was started again: what is written to it belongs to no backup and is lost when it becomes a standby.',
    todo: 'Stop it, or make it a standby of the new primary (pg_rewind), and see that the connection reaches the new primary.',
  });
}
