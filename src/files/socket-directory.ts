import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';

import { SandboxError } from '../errors.js';
import { serverUser } from '../process/server-user.js';
import { makePrivateDirectory } from './durable.js';

/**
 * Names the directory for the Unix socket of the server that works in `path`: short, because socket paths end at 107 characters, and the
 * same every time, so that whoever comes later finds it.
 */
export function socketDirectoryOf(path: string): string {
  return join('/tmp', `pgdrill-${createHash('sha256').update(path).digest('hex').slice(0, 12)}`);
}

/**
 * Makes a socket directory that only the server user (and root) can enter: behind it, servers trust whoever connects.
 *
 * @throws SandboxError when something is there that somebody else made or can enter; everybody may write to /tmp.
 */
export async function makeSocketDirectory(path: string): Promise<void> {
  await makePrivateDirectory(path);
  const made = await lstat(path);
  const owner = serverUser()?.uid ?? process.getuid?.();
  if (made.isDirectory() && made.uid === owner && (made.mode & 0o077) === 0) return;
  throw new SandboxError({
    what: `${path} exists, but is not a directory of ours that nobody else can enter (owner ${made.uid}, mode ${(made.mode & 0o777).toString(8)}).`,
    means: 'A server with its socket there could be reached by others, without a password.',
    todo: `Find out who made it, and remove it.`,
  });
}
