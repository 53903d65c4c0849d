import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { z } from 'zod';

import { BusyError, codeOf } from '../errors.js';
import { asStorageError } from '../files/durable.js';
import { isRunning, thisProcess } from '../process/process-identity.js';

const holderSchema = z.object({
  host: z.string(),
  pid: z.number(),
  startTime: z.string(),
  operation: z.string(),
  since: z.string(),
  id: z.string(),
});

/** Locks of this very process: one with our pid that is not among them is left over from an attempt that is gone. */
const ours = new Set<string>();

/**
 * Runs `work` while nobody else writes backups into the repository. A lock whose process is dead is taken over.
 *
 * @throws BusyError (retryable) naming who holds it.
 */
export async function withWriterLock<T>(repositoryPath: string, operation: string, work: () => Promise<T>): Promise<T> {
  return await withLockFile(join(repositoryPath, 'writer.lock'), operation, work);
}

async function withLockFile<T>(path: string, operation: string, work: () => Promise<T>): Promise<T> {
  const id = `${process.pid}-${Math.random().toString(36).slice(2)}`;
  const mine = { host: hostname(), ...thisProcess(), operation, since: new Date().toISOString(), id };
  ours.add(id);
  try {
    await putLock(path, JSON.stringify(mine), `${path}.${id}`, operation);
    try {
      return await work();
    } finally {
      await rm(path, { force: true });
    }
  } finally {
    ours.delete(id);
  }
}

async function putLock(path: string, text: string, draft: string, operation: string): Promise<void> {
  try {
    await writeFile(draft, text, { mode: 0o600 });
    for (;;) {
      try {
        await link(draft, path); // fails if the lock exists: the only atomic "create with content"
        return;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      await clearStale(path, operation);
    }
  } catch (error) {
    throw asStorageError(error, path);
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Removes a dead process's lock. Two who find it at once must not both remove it (the second would remove the first one's new lock), so
 * that is done under a lock of its own, and only if it is still the lock that was judged.
 */
async function clearStale(path: string, operation: string): Promise<void> {
  const judged = await readLock(path);
  if (judged === undefined) return; // released meanwhile
  refuseLiving(path, judged);
  await withLockFile(`${path}.takeover`, operation, async () => {
    if ((await readLock(path)) === judged) await rm(path, { force: true });
  });
}

async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function refuseLiving(path: string, text: string): void {
  const holder = holderSchema.safeParse(parseJson(text));
  if (!holder.success) return; // cut short by a crash of the machine
  const { host, pid, operation, since, id } = holder.data;
  const here = host === hostname();
  const alive = !here || (pid === process.pid ? ours.has(id) : isRunning(holder.data));
  if (!alive) return;
  throw new BusyError({
    what: `The repository is being written by ${operation} (process ${pid} on ${host}, since ${since}).`,
    means: 'Two backups of one cluster at once would get in each other’s way; this one waits its turn.',
    todo: here ? 'Nothing: it is tried again.' : `If that host is gone for good, remove ${path}.`,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
