import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { writeFileDurably } from '../files/durable.js';
import type { Sandbox } from '../schema/results.js';
import { sandboxLog } from './sandbox.js';

const startSchema = z.object({ operation: z.string(), logBytes: z.number().int() });

/**
 * Where in the server's log a replay begins. All attempts of one operation share it, so that the next attempt reads why the server died
 * under the one before. A replay that was ordered anew, after somebody mended what stopped it, must not read that again.
 */
export async function startOfReplay(sandbox: Sandbox, operation: string): Promise<number> {
  const path = join(sandbox.directory, 'replay.json');
  const kept = startSchema.safeParse(parseJson(await readFile(path, 'utf8').catch(() => '')));
  if (kept.success && kept.data.operation === operation) return kept.data.logBytes;
  const size = await logSize(sandbox);
  await writeFileDurably(path, JSON.stringify({ operation, logBytes: size }));
  return size;
}

/** How long the server's log is now. */
export async function logSize(sandbox: Sandbox): Promise<number> {
  const { size } = await stat(sandboxLog(sandbox)).catch(() => ({ size: 0 }));
  return size;
}

/** What the server has said since then. */
export async function logSince(sandbox: Sandbox, logBytes: number): Promise<string> {
  const log = await readFile(sandboxLog(sandbox)).catch(() => Buffer.alloc(0));
  return log.subarray(logBytes).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
