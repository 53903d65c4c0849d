import { chmod, chown, copyFile, stat } from 'node:fs/promises';

import { asStorageError } from './durable.js';

/** Copies a file with its owner and mode: what the server user could read, it can read there, too. */
export async function copyWithOwner(from: string, to: string): Promise<void> {
  const { uid, gid, mode } = await stat(from);
  try {
    await copyFile(from, to);
    await chown(to, uid, gid);
    await chmod(to, mode & 0o777);
  } catch (error) {
    throw asStorageError(error, to);
  }
}
