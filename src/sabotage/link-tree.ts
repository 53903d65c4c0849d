import { chown, copyFile, link, mkdir, readdir, readlink, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf } from '../errors.js';
import { asDiskFull } from '../files/durable.js';

/** What a copy came to. */
export interface CopyTally {
  files: number;
  /** Shared with the original: they take no room. */
  linkedBytes: number;
  copiedBytes: number;
}

/**
 * Copies a directory by hard links, owners and modes included. Symbolic links into `roots.from` (tablespaces) point below `roots.to`
 * afterwards.
 */
export async function linkTree(
  from: string,
  to: string,
  roots: { from: string; to: string },
  tally: CopyTally,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { uid, gid, mode } = await stat(from);
  await mkdir(to, { mode: mode & 0o777 });
  await chown(to, uid, gid);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target, roots, tally, signal);
    else if (entry.isFile()) await linkFile(source, target, tally);
    else if (entry.isSymbolicLink()) {
      const place = await readlink(source);
      await symlink(place.startsWith(`${roots.from}/`) ? roots.to + place.slice(roots.from.length) : place, target);
    }
  }
}

/** Copies a file by a hard link; really, where the disk is another one or knows no hard links. */
export async function linkFile(from: string, to: string, tally: CopyTally): Promise<void> {
  const { size, uid, gid } = await stat(from);
  tally.files += 1;
  try {
    await link(from, to);
    tally.linkedBytes += size;
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'].includes(codeOf(error) ?? '')) throw error;
    try {
      await copyFile(from, to);
      await chown(to, uid, gid);
    } catch (failure) {
      throw asDiskFull(failure, to);
    }
    tally.copiedBytes += size;
  }
}
