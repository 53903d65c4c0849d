import { link, mkdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

import { codeOf } from '../errors.js';
import { isRunning, thisProcess, type ProcessIdentity } from '../process/process-identity.js';
import { elapsed, type Progress } from './progress.js';

const holderSchema = z.object({ pid: z.number().int(), startTime: z.string() });
const pollMs = 200;
const sayAgainMs = 15_000;
/** A takeover is a read and an unlink; one that stands this long belongs to a process that died in between. */
const takeoverDeadMs = 10_000;

/**
 * Does work that only one process at a time may do. A second process waits, saying so; the lock of a process that no
 * longer runs is taken over.
 *
 * @param path of the lock file; its directory must exist
 * @param what is being done under the lock, for the waiting line: `installing PostgreSQL 17.11`
 */
export async function withInstallLock<T>(
  path: string,
  options: { what: string; progress: Progress },
  work: () => Promise<T>,
): Promise<T> {
  await acquire(path, options);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string, { what, progress }: { what: string; progress: Progress }): Promise<void> {
  const startedAt = performance.now();
  let saidAt: number | undefined;
  while (!(await tryAcquire(path))) {
    const holder = await readHolder(path);
    if (holder === undefined) continue; // released this moment
    if (!isRunning(holder)) {
      progress(`The process that was ${what} (pid ${holder.pid}) is gone; taking over`);
      await takeOver(path);
      continue;
    }
    const now = performance.now();
    if (saidAt === undefined || now - saidAt > sayAgainMs) {
      const soFar = saidAt === undefined ? '' : `, ${elapsed(now - startedAt)} so far`;
      progress(`Another process (pid ${holder.pid}) is ${what}; waiting for it${soFar}`);
      saidAt = now;
    }
    await sleep(pollMs);
  }
}

let counter = 0;

/** A hard link appears at once with its content, or not at all: nobody ever reads a half-written lock. */
async function tryAcquire(path: string): Promise<boolean> {
  const own = `${path}.${process.pid}-${++counter}`;
  await writeFile(own, JSON.stringify(thisProcess()));
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

async function readHolder(path: string): Promise<ProcessIdentity | undefined> {
  try {
    const parsed = holderSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    if (parsed.success) return parsed.data;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { pid: 0, startTime: 'unreadable' }; // damaged by a power cut: nobody holds it
}

/**
 * Removes a dead process's lock. Of several processes that find it dead one may remove it, and only after it has looked
 * again: else the slower one would remove the new holder's lock.
 */
async function takeOver(path: string): Promise<void> {
  const claim = `${path}.takeover`;
  try {
    await mkdir(claim);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const since = await stat(claim).catch(() => undefined);
    if (since !== undefined && Date.now() - since.mtimeMs > takeoverDeadMs) await rmdir(claim).catch(() => undefined);
    await sleep(pollMs);
    return;
  }
  try {
    const holder = await readHolder(path);
    if (holder !== undefined && !isRunning(holder)) await rm(path, { force: true });
  } finally {
    await rmdir(claim);
  }
}
