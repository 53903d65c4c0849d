import { join } from 'node:path';

import { type HeldLock, withLockFile } from '../process/lock-file.js';

/**
 * Runs `work` while nobody else writes backups into the repository. A lock whose process is dead is taken over, and so is that of an
 * earlier attempt at the same operation: it has to ask `assertHeld` before it changes anything that a later one could be using.
 *
 * @throws BusyError (retryable) naming who holds it.
 */
export async function withWriterLock<T>(
  repositoryPath: string,
  operation: string,
  work: (lock: HeldLock) => Promise<T>,
  attempt = 1,
): Promise<T> {
  return await withLockFile(
    join(repositoryPath, 'writer.lock'),
    { operation, attempt, guards: 'The repository' },
    work,
  );
}
