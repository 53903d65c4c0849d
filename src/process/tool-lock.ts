import { rm } from 'node:fs/promises';

import { z } from 'zod';

import { codeOf } from '../errors.js';
import { readTextFile, writeFileDurably } from '../files/durable.js';
import { endGroup } from './kill-group.js';
import { isRunning, startTimeOf } from './process-identity.js';

const toolLockSchema = z.object({
  tool: z.string(),
  pid: z.number().int(),
  startTime: z.string(),
  operation: z.string(),
  attempt: z.number().int(),
});
export type ToolLock = z.infer<typeof toolLockSchema>;

/** Writes down which process works here, so that whoever comes after a dead worker can find and end it. */
export async function writeToolLock(path: string, lock: Omit<ToolLock, 'startTime'>): Promise<void> {
  const startTime = startTimeOf(lock.pid);
  if (startTime === undefined) return; // it has ended already: nothing to reap
  await writeFileDurably(path, JSON.stringify({ ...lock, startTime }));
}

/**
 * Ends the tool that a dead worker left running and removes its lock.
 *
 * @returns the reaped tool, or undefined when there was none.
 */
export async function reapTool(path: string): Promise<ToolLock | undefined> {
  const lock = await readToolLock(path);
  if (lock !== undefined && isRunning(lock)) await endGroup(lock.pid);
  await rm(path, { force: true });
  return lock;
}

/** Removes the lock of a tool of ours that has ended. One that is another's by now (we were taken for dead) is left alone. */
export async function releaseToolLock(path: string, pid: number): Promise<void> {
  const lock = await readToolLock(path);
  if (lock?.pid === pid) await reapTool(path);
}

async function readToolLock(path: string): Promise<ToolLock | undefined> {
  try {
    return toolLockSchema.parse(JSON.parse(await readTextFile(path)));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
