import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { BusyError, RepositoryError } from '../errors.js';
import { fsyncPath } from '../files/durable.js';
import { withLockFile } from '../process/lock-file.js';
import { type Hold, holdSchema } from '../schema/hold.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Repository } from './repository.js';

const folder = 'holds';
const keyOf = (id: string): string => `${folder}/${id}.json`;

/**
 * All holds in the repository, also those that are over.
 *
 * @throws RepositoryError when one cannot be read: what it holds is not known, so nothing may be removed.
 */
export async function listHolds({ storage, path }: Repository): Promise<Hold[]> {
  const holds: Hold[] = [];
  for (const name of (await storage.list(folder)).filter((each) => each.endsWith('.json'))) {
    const text = await storage.readText(`${folder}/${name}`);
    if (text === undefined) continue; // released meanwhile
    const parsed = holdSchema.safeParse(parseJson(text));
    // It is released by its id: that has to name this file.
    if (!parsed.success || keyOf(parsed.data.id) !== `${folder}/${name}`) {
      throw new RepositoryError({
        what: `The hold ${path}/${folder}/${name} is damaged.`,
        means: 'What it holds is not known, so nothing is removed from the repository.',
        todo: 'Find out whose it was, and write it anew with pgdrill hold, or remove the file.',
      });
    }
    holds.push(parsed.data);
  }
  return holds.sort((a, b) => a.since.localeCompare(b.since));
}

/** Whether a hold still holds. */
export function isInForce({ until }: Pick<Hold, 'until'>, now: Date): boolean {
  return until === undefined || Date.parse(until) > now.getTime();
}

/** The ids of all backups that holds in force keep, with all that they build on, and which hold it is. */
export function heldBackups(holds: readonly Hold[], backups: readonly BackupRecord[], now: Date): Map<string, Hold[]> {
  const byId = new Map(backups.map((backup) => [backup.id, backup]));
  const held = new Map<string, Hold[]>();
  for (const hold of holds.filter((each) => isInForce(each, now))) {
    const roots = hold.everything ? backups.map(({ id }) => id) : hold.backups;
    const ids = new Set<string>();
    for (const root of roots) {
      for (let id: string | undefined = root; id !== undefined && !ids.has(id); id = byId.get(id)?.parent) ids.add(id);
    }
    for (const id of ids) held.set(id, [...(held.get(id) ?? []), hold]);
  }
  return held;
}

/** Writes a hold (again). What retention has not begun to delete by then stays. */
export async function putHold(repository: Repository, hold: Hold, signal: AbortSignal): Promise<void> {
  await withHoldsLock(repository, `hold ${hold.id}`, signal, () =>
    repository.storage.writeText(keyOf(hold.id), `${JSON.stringify(hold, null, 2)}\n`),
  );
}

/** Takes a hold away. @returns false where there is none. */
export async function releaseHold({ storage }: Repository, id: string): Promise<boolean> {
  if ((await storage.readText(keyOf(id))) === undefined) return false;
  await rm(storage.pathOf(keyOf(id)), { force: true });
  await fsyncPath(storage.pathOf(folder));
  return true;
}

const waitMs = 30_000;

/**
 * Runs `work` while nobody writes a hold, and nobody removes what one could name: whoever removes looks at the holds under this lock, and
 * makes what goes invisible before it ends. So a hold that was written is respected, without a race.
 *
 * @throws BusyError when somebody else has the lock for longer than half a minute.
 */
export async function withHoldsLock<T>(
  repository: Repository,
  operation: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + waitMs;
  const mine = { begun: false };
  for (;;) {
    signal.throwIfAborted();
    try {
      const contender = { operation, guards: 'What is held in the repository' };
      return await withLockFile(join(repository.path, 'holds.lock'), contender, () => {
        mine.begun = true;
        return work();
      });
    } catch (error) {
      // Only the lock's own refusal is waited for.
      if (mine.begun || !(error instanceof BusyError) || performance.now() > deadline) throw error;
    }
    await sleep(100, undefined, { signal }).catch(() => undefined);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
