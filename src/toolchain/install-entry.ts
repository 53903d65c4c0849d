import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { asDiskFull, fsyncPath, fsyncTree } from '../files/durable.js';
import { codeOf, PgdrillError, ToolchainError } from '../errors.js';
import { startTimeOf } from '../process/process-identity.js';
import { makeCacheDirectory } from './cache-directory.js';
import { withInstallLock } from './install-lock.js';
import type { Progress } from './progress.js';
import { readEntry, writeStamp, type Origin } from './stamp.js';

/** One thing to install into the cache. */
export interface Installation {
  /** Name of its directory in the cache: `postgresql-17.11.0` */
  entry: string;
  /** What it is, for people: `PostgreSQL 17.11` */
  what: string;
  progress: Progress;
  /** Puts everything into an empty directory. */
  fill: (directory: string) => Promise<Origin>;
  /** Throws where what was put there does not work. By then everyone may read it, the server user too. */
  check?: (directory: string) => Promise<void>;
}

/**
 * Installs into the cache, once: a second process waits for the first and then finds its work. Everything happens in
 * `….partial-<pid>`, which is stamped, fsynced and renamed; a damaged entry is replaced, saying what was wrong with it.
 *
 * @returns the absolute path of the finished entry.
 * @throws ToolchainError, DiskFullError, or what `fill` and `check` throw.
 */
export async function installEntry({ entry, what, progress, fill, check }: Installation): Promise<string> {
  const cache = await makeCacheDirectory();
  const target = join(cache, entry);
  try {
    return await withInstallLock(`${target}.lock`, { what: `installing ${what}`, progress }, async () => {
      const state = await readEntry(target);
      if (state.is === 'whole') return target;
      if (state.is === 'damaged') progress(`${what} in ${target} is damaged (${state.reason}); installing it again`);
      await removeLeftovers(cache, entry);
      const partial = `${target}.partial-${process.pid}`;
      try {
        await mkdir(partial, { mode: 0o755 });
        const origin = await fill(partial);
        await openToAll(partial);
        await check?.(partial);
        await writeStamp(partial, origin);
        await fsyncTree(partial);
        await swapIn(partial, target);
      } finally {
        await removeTree(partial);
      }
      return target;
    });
  } catch (error) {
    throw explain(error, cache);
  }
}

/** A server that runs from the damaged directory keeps its open files; the new one is in place a moment later. */
async function swapIn(partial: string, target: string): Promise<void> {
  const old = `${partial}-old`;
  await rename(target, old).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
  await rename(partial, target);
  await fsyncPath(join(target, '..'));
  await removeTree(old);
}

/** What a killed installation left behind. Ours is the only one now: we hold the lock. */
async function removeLeftovers(cache: string, entry: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const pid = name.startsWith(`${entry}.partial-`) ? /partial-(\d+)/.exec(name)?.[1] : undefined;
    const ours = Number(pid) === process.pid;
    if (pid !== undefined && (ours || startTimeOf(Number(pid)) === undefined)) await removeTree(join(cache, name));
  }
}

async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
}

/** Whatever the umask and the archive said: everyone may read, and run what is a program. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(path, 0o755);
    else if (entry.isFile()) await chmod(path, ((await stat(path)).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

function explain(error: unknown, cache: string): unknown {
  if (error instanceof PgdrillError) return error;
  const code = codeOf(error);
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') return asDiskFull(error, cache);
  return new ToolchainError(
    {
      what: `pgdrill may not write to its cache directory ${cache} (${code}).`,
      means: 'PostgreSQL and Temporal cannot be installed there.',
      todo: 'Name a directory that you may write to in PGDRILL_CACHE.',
    },
    { cause: error },
  );
}
