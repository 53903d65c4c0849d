import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { makePrivateDirectory, writeFileDurably } from '../files/durable.js';
import { isRunning } from '../process/process-identity.js';

const devStateSchema = z.object({
  pid: z.number(),
  startTime: z.string(),
  temporalAddress: z.string(),
  uiUrl: z.string(),
  catalogUrl: z.string().optional(),
  /** Processes that must end with it, should it die without saying goodbye. */
  children: z.array(z.object({ pid: z.number(), startTime: z.string() })),
});
export type DevState = z.infer<typeof devStateSchema>;

function pathOf(stateDirectory: string): string {
  return join(stateDirectory, 'dev.json');
}

/** Where the embedded stack of a state directory can be reached; undefined where none runs. */
export async function readDevState(stateDirectory: string): Promise<DevState | undefined> {
  const state = await readAnyDevState(stateDirectory);
  return state !== undefined && isRunning(state) ? state : undefined;
}

/** Also that of a stack that is dead: its children may still run. */
export async function readAnyDevState(stateDirectory: string): Promise<DevState | undefined> {
  const text = await readFile(pathOf(stateDirectory), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = devStateSchema.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}

export async function writeDevState(stateDirectory: string, state: DevState): Promise<void> {
  await makePrivateDirectory(stateDirectory);
  await writeFileDurably(pathOf(stateDirectory), JSON.stringify(state, null, 2));
}

export async function removeDevState(stateDirectory: string): Promise<void> {
  await rm(pathOf(stateDirectory), { force: true });
}
