import { link, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';

import { z } from 'zod';

import { BusyError, codeOf, SupersededError } from '../errors.js';
import { asStorageError, readTextFile } from '../files/durable.js';
import { forget, newId, note } from '../registry/current.js';
import { isRunning, thisProcess } from './process-identity.js';

const holderSchema = z.object({
  host: z.string(),
  pid: z.number(),
  startTime: z.string(),
  operation: z.string(),
  attempt: z.number().default(1),
  since: z.string(),
  id: z.string(),
});
type Holder = z.infer<typeof holderSchema>;

/** Locks of this very process: one with our pid that is not among them is left over from an attempt that is gone. */
const ours = new Set<string>();

export interface Contender {
  operation: string;
  /** A later attempt of the same operation takes the lock over: Temporal has given the earlier one up, however long it still lives. */
  attempt?: number;
  /** What the lock guards, for messages: `The repository`. */
  guards: string;
  /** For the janitor's own lock, which the next janitor takes over. */
  unregistered?: boolean;
}

export interface HeldLock {
  /** @throws SupersededError when a later attempt has taken the lock over: whoever asks must change nothing any more. */
  assertHeld: () => Promise<void>;
}

/**
 * Runs `work` while nobody else holds the lock file. A lock whose process is dead is taken over.
 *
 * @throws BusyError (retryable) naming who holds it.
 */
export async function withLockFile<T>(
  path: string,
  contender: Contender,
  work: (lock: HeldLock) => Promise<T>,
): Promise<T> {
  const id = `${process.pid}-${Math.random().toString(36).slice(2)}`;
  const { operation, attempt = 1 } = contender;
  const mine = { host: hostname(), ...thisProcess(), operation, attempt, since: new Date().toISOString(), id };
  const entry = newId('lock');
  ours.add(id);
  try {
    // A full disk must not keep a clean-up from its lock.
    if (contender.unregistered !== true) await note(entry, { kind: 'lock', path, id }).catch(() => undefined);
    await putLock(path, JSON.stringify(mine), `${path}.${id}`, contender);
    try {
      return await work({ assertHeld: () => assertHeld(path, id, operation) });
    } finally {
      if ((await readHolder(path))?.id === id) await rm(path, { force: true });
    }
  } finally {
    ours.delete(id);
    await forget(entry).catch(() => undefined);
  }
}

/**
 * Removes a lock that a dead process left.
 *
 * @param id of the holder that was judged: a lock that somebody has taken since is another one.
 * @returns false when its process lives.
 */
export async function removeDeadLock(path: string, id: string): Promise<boolean> {
  const holder = await readHolder(path);
  if (holder?.id !== id) return true;
  if (isAlive(holder)) return false;
  await withLockFile(`${path}.takeover`, { operation: 'janitor', guards: 'The lock' }, async () => {
    if ((await readHolder(path))?.id === id) await rm(path, { force: true });
  });
  return true;
}

async function assertHeld(path: string, id: string, operation: string): Promise<void> {
  const holder = await readHolder(path);
  if (holder?.id === id) return;
  throw new SupersededError(
    `${operation} does not hold ${path} any more${holder === undefined ? '' : `; attempt ${holder.attempt} of ${holder.operation} does`}.`,
  );
}

async function putLock(path: string, text: string, draft: string, contender: Contender): Promise<void> {
  try {
    await writeFile(draft, text, { mode: 0o600 });
    for (;;) {
      try {
        await link(draft, path); // fails if the lock exists: the only atomic "create with content"
        return;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      await clearStale(path, contender);
    }
  } catch (error) {
    throw asStorageError(error, path);
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Removes a lock that is free to take. Two who find it at once must not both remove it (the second would remove the first one's new
 * lock), so that is done under a lock of its own, and only if it is still the lock that was judged.
 */
async function clearStale(path: string, contender: Contender): Promise<void> {
  const judged = await readLock(path);
  if (judged === undefined) return; // released meanwhile
  refuseLiving(path, parseHolder(judged), contender);
  const { operation, guards } = contender;
  await withLockFile(`${path}.takeover`, { operation, guards }, async () => {
    if ((await readLock(path)) === judged) await rm(path, { force: true });
  });
}

async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readTextFile(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  const text = await readLock(path);
  return text === undefined ? undefined : parseHolder(text);
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true; // we cannot look into it
  return holder.pid === process.pid ? ours.has(holder.id) : isRunning(holder);
}

function refuseLiving(path: string, holder: Holder | undefined, contender: Contender): void {
  if (holder === undefined) return; // cut short by a crash of the machine
  const superseded = holder.operation === contender.operation && holder.attempt < (contender.attempt ?? 1);
  if (superseded || !isAlive(holder)) return;
  const { host, pid, operation, since } = holder;
  throw new BusyError({
    what: `${contender.guards} is being written by ${operation} (process ${pid} on ${host}, since ${since}).`,
    means: 'Two at once would get in each other’s way; this one waits its turn.',
    todo: host === hostname() ? 'Nothing: it is tried again.' : `If that host is gone for good, remove ${path}.`,
  });
}

function parseHolder(text: string): Holder | undefined {
  try {
    return holderSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
