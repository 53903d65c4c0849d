import { chmod, mkdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { codeOf, messageOf, ToolchainError } from '../errors.js';
import { serverUser, type ServerUser } from '../process/server-user.js';

/**
 * Where pgdrill keeps what it installs: `PGDRILL_CACHE`, else as root `/var/cache/pgdrill` (root's home is closed to the
 * user that PostgreSQL runs as), else `$XDG_CACHE_HOME/pgdrill` or `~/.cache/pgdrill`. Only names it: nothing is made.
 *
 * @returns an absolute path.
 */
export function cacheDirectory(): string {
  const chosen = process.env['PGDRILL_CACHE'];
  if (chosen) return resolve(chosen);
  if (process.getuid?.() === 0) return '/var/cache/pgdrill';
  const xdg = process.env['XDG_CACHE_HOME'];
  return join(xdg?.startsWith('/') ? xdg : join(homedir(), '.cache'), 'pgdrill');
}

/**
 * Makes the cache directory if it is missing; what it makes as root is 0755, whatever the umask, so that the server user
 * can enter. Directories that exist keep their mode: they are not ours to open.
 *
 * @returns its absolute path.
 * @throws ToolchainError when it cannot be made, or (as root) when the server user cannot reach it.
 */
export async function makeCacheDirectory(): Promise<string> {
  const path = cacheDirectory();
  try {
    const firstMade = await mkdir(path, { recursive: true, mode: 0o755 });
    if (firstMade !== undefined && process.getuid?.() === 0) {
      for (let made = path; made.length >= firstMade.length; made = dirname(made)) await chmod(made, 0o755);
    }
  } catch (error) {
    throw new ToolchainError(
      {
        what: `The cache directory ${path} cannot be made: ${messageOf(error)}`,
        means: 'pgdrill installs PostgreSQL and Temporal there when they are not on this machine.',
        todo: 'Name a directory that you may write to in PGDRILL_CACHE.',
      },
      { cause: error },
    );
  }
  await assertReachable(path);
  return path;
}

/**
 * As root, checks that the user that PostgreSQL runs as can enter a directory: every directory on the way must let it.
 *
 * @throws ToolchainError naming the first directory that does not.
 */
export async function assertReachable(path: string): Promise<void> {
  const user = serverUser();
  if (user === undefined) return;
  const closed = await firstClosed(path, user);
  if (closed === undefined) return;
  throw new ToolchainError({
    what: `The user ${user.name} cannot enter ${closed}, which is on the way to ${path}.`,
    means: `As root, pgdrill runs PostgreSQL as ${user.name}, who could not start the programs installed there.`,
    todo: `Name another directory in PGDRILL_CACHE (such as /var/cache/pgdrill), or open this one: chmod o+x ${closed}`,
  });
}

async function firstClosed(path: string, user: Pick<ServerUser, 'uid' | 'gid'>): Promise<string | undefined> {
  const parent = dirname(path);
  const above = parent === path ? undefined : await firstClosed(parent, user);
  if (above !== undefined) return above;
  try {
    const { mode, uid, gid } = await stat(path);
    const searchBit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    return (mode & searchBit) === 0 ? path : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined; // not made yet: closed to nobody
    throw error;
  }
}
