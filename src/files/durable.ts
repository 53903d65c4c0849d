import { randomUUID } from 'node:crypto';
import { chown, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { codeOf, DiskFullError, messageOf, StorageError } from '../errors.js';
import { serverUser } from '../process/server-user.js';

/**
 * Writes a whole file or nothing: to a `.partial` name, fsynced, renamed into place, the directory fsynced. Mode 0600, owned
 * by the server user.
 *
 * @param access mode and owner instead of those.
 * @throws DiskFullError when there is no room, StorageError when the disk cannot be written.
 */
export async function writeFileDurably(
  path: string,
  content: string,
  access?: { mode: number; uid: number; gid: number },
): Promise<void> {
  const partial = join(dirname(path), `.${basename(path)}.partial-${randomUUID().slice(0, 13)}`);
  try {
    const file = await open(partial, 'wx', 0o600);
    try {
      await file.writeFile(content);
      const owner = access ?? serverUser();
      if (owner !== undefined) await file.chown(owner.uid, owner.gid);
      if (access !== undefined) await file.chmod(access.mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw asStorageError(error, path);
  }
  await fsyncPath(dirname(path));
}

/** Renames a finished file or directory into place so that it survives a power cut. */
export async function renameDurably(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
    await fsyncPath(dirname(to));
    if (dirname(from) !== dirname(to)) await fsyncPath(dirname(from));
  } catch (error) {
    throw asStorageError(error, to);
  }
}

/** Makes a directory (and its parents), mode 0700, owned by the user that PostgreSQL runs as. Existing ones are left alone. */
export async function makePrivateDirectory(path: string): Promise<void> {
  try {
    const firstMade = await mkdir(path, { recursive: true, mode: 0o700 });
    if (firstMade === undefined) return;
    const user = serverUser();
    if (user !== undefined) {
      // `path` lies below the first directory that was made: all those between are new, and ours to give away.
      for (let made = path; made.length >= firstMade.length; made = dirname(made))
        await chown(made, user.uid, user.gid);
    }
    await fsyncPath(dirname(firstMade));
  } catch (error) {
    throw asStorageError(await whyNotMade(path, error), path);
  }
}

/** A recursive mkdir says ENOENT also where the file system is read-only; a plain one says what it is. */
async function whyNotMade(path: string, error: unknown): Promise<unknown> {
  if (codeOf(error) !== 'ENOENT') return error;
  let missing = path;
  while (!(await exists(dirname(missing)))) missing = dirname(missing);
  return await mkdir(missing).then(
    () => error,
    (reason: unknown) => reason,
  );
}

/** fsyncs every file and directory below (and with) `path`, deepest first. Symbolic links are not followed. */
export async function fsyncTree(path: string, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const below = join(path, entry.name);
    if (entry.isDirectory()) await fsyncTree(below, signal);
    else if (entry.isFile()) await fsyncPath(below);
  }
  await fsyncPath(path);
}

export async function fsyncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    throw asStorageError(error, path);
  } finally {
    await handle.close();
  }
}

/** The size of all files below a directory, in bytes. Files that vanish meanwhile count as nothing. */
export async function treeSizeBytes(path: string): Promise<number> {
  let total = 0;
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    try {
      total += (await stat(join(entry.parentPath, entry.name))).size;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  return total;
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}

/** A full disk, said so that a person can act on it; any other error unchanged. */
export function asDiskFull(error: unknown, path: string): unknown {
  if (codeOf(error) !== 'ENOSPC' && codeOf(error) !== 'EDQUOT') return error;
  return diskFull(path, error);
}

/** What keeps a path from being written, though there is room: only a person can mend these. */
const whyNotWritten: Readonly<Record<string, string>> = {
  EROFS: 'the file system is read-only (a disk with errors is often remounted so)',
  EACCES: 'permission is denied',
  EPERM: 'it is not permitted',
  EISDIR: 'a directory is in its place',
  ENOTDIR: 'something that is no directory is on its way',
};

/** Why a path could not be written (or used at all), said so that a person can act on it; any other error unchanged. */
export function asStorageError(error: unknown, path: string, cannotBe: 'written' | 'used' = 'written'): unknown {
  if (codeOf(error) === 'EIO') return ioError(path, messageOf(error), error);
  const why = whyNotWritten[codeOf(error) ?? ''];
  return why === undefined
    ? asDiskFull(error, path)
    : storageError(path, cannotBe, `${why} (${messageOf(error)})`, error);
}

export function notWritable(path: string, why: string, cause?: unknown): StorageError {
  return storageError(path, 'written', why, cause);
}

function storageError(path: string, cannotBe: 'written' | 'used', why: string, cause: unknown): StorageError {
  return new StorageError(
    {
      what: `${path} cannot be ${cannotBe}: ${why}.`,
      means: 'The step stopped. Finished backups and WAL are untouched.',
      todo: 'Look at the disk, its mount and the owner of the directory; then start again.',
    },
    { cause },
  );
}

/**
 * A device that does not give back what lies on it, or takes no more. Trying again wears out a disk that dies.
 *
 * @param what a path, or whose data.
 * @param said the system's words, or a tool's.
 */
export function ioError(what: string, said: string, cause?: unknown): StorageError {
  return new StorageError(
    {
      what: `${what} cannot be used: the disk has an I/O error (${said}).`,
      means:
        'The step stopped. Whether what lies there is whole, nobody knows: this says nothing about the backup itself.',
      todo: 'Find out which device it is (dmesg names it), mend or replace it, then start again.',
    },
    { cause },
  );
}

/**
 * Works on a file. Where the disk fails meanwhile, the system does not say on which file it was: then the error does.
 *
 * @throws StorageError where the disk has an I/O error, else what `work` throws.
 */
export async function namingFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw codeOf(error) === 'EIO' ? asStorageError(error, path) : error;
  }
}

/** @throws what `readFile` throws; StorageError where the disk has an I/O error. */
export async function readTextFile(path: string): Promise<string> {
  return await namingFile(path, () => readFile(path, 'utf8'));
}

export function diskFull(path: string, cause?: unknown): DiskFullError {
  return new DiskFullError(
    {
      what: `There is no room left on the disk that holds ${path}.`,
      means: 'The step stopped; what it had written so far was removed. Finished backups and WAL are untouched.',
      todo: 'Make room (old backups, other data) or move to a larger disk, then start again.',
    },
    { cause },
  );
}
