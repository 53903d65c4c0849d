import { statfs } from 'node:fs/promises';

import { codeOf, DiskFullError } from '../errors.js';
import { bytes } from '../schema/figures.js';

/** Free bytes for us on the disk that holds a path, or its nearest parent that exists; undefined where nobody can tell. */
export async function freeBytes(path: string): Promise<number | undefined> {
  for (let place = path; ; place = place.slice(0, place.lastIndexOf('/')) || '/') {
    try {
      const { bavail, bsize } = await statfs(place);
      return bavail * bsize;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || place === '/') return undefined;
    }
  }
}

/**
 * Looks before something large is written.
 *
 * @param forWhat what is to be written, for the message: `A full backup of this chain`.
 * @throws DiskFullError where it cannot fit.
 */
export async function requireRoom(path: string, neededBytes: number, forWhat: string): Promise<void> {
  const free = await freeBytes(path);
  if (free === undefined || free >= neededBytes) return;
  throw new DiskFullError({
    what: `${forWhat} needs ${bytes(neededBytes)}, and the disk that holds ${path} has ${bytes(free)} left.`,
    means: 'It would fill the disk, and then no WAL could be archived there either. Nothing was written.',
    todo: 'Make room (old backups, other data) or move to a larger disk, then start again.',
  });
}
