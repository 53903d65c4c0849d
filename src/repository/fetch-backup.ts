import { lstat, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf, RepositoryError } from '../errors.js';
import { asStorageError, exists, fsyncPath } from '../files/durable.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { keys, type Repository } from './repository.js';

/**
 * A local directory that holds a backup, to read only: its files are in `data` below it.
 *
 * Links to tablespaces are absolute, since pg_combinebackup refuses relative ones. In a repository that was moved or copied they still
 * name the old place, which may be gone, or worse: be there. So they are turned here to where the files lie now.
 *
 * @throws RepositoryError where a tablespace's files are missing; StorageError where a link has to be turned and the disk is read-only.
 */
export async function fetchBackup({ storage }: Repository, record: BackupRecord): Promise<string> {
  const directory = await storage.fetch(keys.backup(record.id));
  for (const tablespace of record.tablespaces) {
    const files = join(directory, tablespace.directory);
    // Backups that are gone, or have lost their data, are the readers' to report.
    if (!(await exists(join(directory, 'data', 'pg_tblspc')))) continue;
    if (!(await exists(files))) {
      throw new RepositoryError({
        what: `Backup ${record.id} has lost its tablespace "${tablespace.name}": ${files} does not exist.`,
        means: 'Whatever lay in that tablespace cannot be restored from this backup.',
        todo: 'Where the repository was copied, copy this directory too; else restore from another chain and take a new full backup.',
      });
    }
    await turnLink(join(directory, 'data'), tablespace.oid, files);
  }
  return directory;
}

/**
 * Lets `pg_tblspc/<oid>` of a data directory name a place; done already, nothing is written. The new link takes the old one's place at
 * once, so that whoever reads meanwhile sees one of the two.
 *
 * @param target absolute.
 */
export async function turnLink(dataDirectory: string, oid: number, target: string): Promise<void> {
  const folder = join(dataDirectory, 'pg_tblspc');
  const link = join(folder, String(oid));
  if ((await readLink(link)) === target) return;
  // Beside the data directory: in it, what a power cut leaves would be a file that no manifest knows.
  const draft = join(dataDirectory, '..', `.link-${oid}.partial-${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    await symlink(target, draft);
    await rename(draft, link);
    await fsyncPath(folder);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw asStorageError(error, link);
  }
}

/** Where a link leads; undefined where there is none, or where something else is in its place. */
async function readLink(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
