import { hostname } from 'node:os';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { BusyError, codeOf } from '../errors.js';
import { isRunning, thisProcess } from '../process/process-identity.js';

const holderSchema = z.object({
  host: z.string(),
  pid: z.number(),
  startTime: z.string(),
  operation: z.string(),
  since: z.string(),
});

/** Locks that this very process holds: a lock with our pid that is not among them is left over from an attempt that is gone. */
const heldHere = new Set<string>();

/**
 * Runs `work` while nobody else writes backups into the repository. A lock whose process is dead is taken over.
 *
 * @throws BusyError (retryable) naming who holds it.
 */
export async function withWriterLock<T>(repositoryPath: string, operation: string, work: () => Promise<T>): Promise<T> {
  const path = join(repositoryPath, 'writer.lock');
  const mine = { host: hostname(), ...thisProcess(), operation, since: new Date().toISOString() };
  const draft = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  await writeFile(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    for (;;) {
      try {
        await link(draft, path); // fails if the lock exists: the only atomic "create with content"
        break;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      await clearStale(path);
    }
  } finally {
    await rm(draft, { force: true });
  }
  heldHere.add(path);
  try {
    return await work();
  } finally {
    heldHere.delete(path);
    await rm(path, { force: true });
  }
}

async function clearStale(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return; // released meanwhile
  const holder = holderSchema.safeParse(JSON.parse(text));
  if (!holder.success) {
    await rm(path, { force: true });
    return;
  }
  const { host, pid, operation, since } = holder.data;
  const here = host === hostname();
  const alive = !here || (pid === process.pid ? heldHere.has(path) : isRunning(holder.data));
  if (!alive) {
    await rm(path, { force: true });
    return;
  }
  throw new BusyError({
    what: `The repository is being written by ${operation} (process ${pid} on ${host}, since ${since}).`,
    means: 'Two backups of one cluster at once would get in each other’s way; this one waits its turn.',
    todo: here ? 'Nothing: it is tried again.' : `If that host is gone for good, remove ${path}.`,
  });
}
