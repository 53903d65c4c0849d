import { RepositoryError } from '../errors.js';
import { compareLsn } from '../postgres/lsn.js';
import type { BackupRecord } from '../schema/backup-record.js';

/**
 * The chain that ends with a backup: its full backup first, itself last.
 *
 * @throws RepositoryError naming the first link that is missing, or the first that was found unsafe.
 */
export function chainOf(backups: readonly BackupRecord[], id: string): BackupRecord[] {
  const byId = new Map(backups.map((backup) => [backup.id, backup]));
  const chain: BackupRecord[] = [];
  for (let next: string | undefined = id; next !== undefined;) {
    const link = byId.get(next);
    if (link === undefined || chain.includes(link)) {
      throw new RepositoryError({
        what: `Backup ${next}, which ${chain[0]?.id ?? id} builds on, is not in the repository.`,
        means: `The chain of ${id} is broken: none of the incrementals behind the missing link can be restored.`,
        todo: 'Restore from another chain; take a new full backup now; find out who removed it.',
      });
    }
    chain.unshift(link);
    next = link.parent;
  }
  const distrusted = chain.find((link) => link.unsafe !== undefined);
  if (distrusted?.unsafe !== undefined) throw unsafeLink(id, distrusted.id, distrusted.unsafe);
  return chain;
}

function unsafeLink(id: string, link: string, reasons: readonly string[]): RepositoryError {
  return new RepositoryError({
    what: `Backup ${link}${link === id ? '' : `, which ${id} builds on,`} cannot be trusted: ${reasons.join(' ')}`,
    means:
      'PostgreSQL wrote an incremental backup that would restore wrong content (docs/postgresql-incremental-faults.md). Its parent and the WAL since then give the right content, so nothing is lost.',
    todo: 'Nothing: restores go through the parent, and the next backup is a full one.',
  });
}

/** The backup that the next incremental builds on: the one with the furthest end, on the newest timeline, whose chain is whole and safe; undefined where there is none. */
export function newestBackup(backups: readonly BackupRecord[]): BackupRecord | undefined {
  return byEnd(backups).find((backup) => isUsable(backups, backup));
}

/** The backup that the next differential builds on: the newest full one, also one that was made of a chain. */
export function newestFull(backups: readonly BackupRecord[]): BackupRecord | undefined {
  return byEnd(backups.filter(({ type }) => type === 'full')).find((backup) => isUsable(backups, backup));
}

/**
 * Furthest end first, those of a newer timeline before all of an older one: what an old primary still wrote behind a failover is not the
 * newest, however far it got. Of a chain and the full backup that was made of it, which end alike, the full one comes first: nothing else is needed. */
export function byEnd(backups: readonly BackupRecord[]): BackupRecord[] {
  return [...backups]
    .reverse()
    .sort(
      (a, b) =>
        b.timeline - a.timeline ||
        compareLsn(b.endLsn, a.endLsn) ||
        Number(b.type === 'full') - Number(a.type === 'full'),
    );
}

/** Whether a restore may use it: its chain is whole, and no link of it was found unsafe. */
export function isUsable(backups: readonly BackupRecord[], { id }: BackupRecord): boolean {
  try {
    return chainOf(backups, id).length > 0;
  } catch {
    return false;
  }
}
