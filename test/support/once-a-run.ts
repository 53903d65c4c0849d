import { rmSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { exists } from '../../src/files/durable.js';
import { makeScratch } from './scratch.js';

/** Names the directory of this test run to the processes that run its files. */
export const runVariable = 'PGDRILL_TEST_RUN';

/** The bundled workflows: the one thing of a run that changes while tests are watched. */
export const bundleName = 'workflow-bundle.js';

let own: Promise<string> | undefined;
let made = 0;

/** The run's directory (see global-setup.ts), else one of this process. Our user and the server's can write in it. */
async function runDirectory(): Promise<string> {
  const given = process.env[runVariable];
  if (given !== undefined) return given;
  own ??= makeScratch().then((directory) => {
    process.once('exit', () => rmSync(join(directory, '..'), { recursive: true, force: true }));
    return directory;
  });
  return await own;
}

/**
 * What costs something and comes out the same for every suite of a run, made by the first that asks for it.
 *
 * @param make makes it at the path that it is given, where nothing is yet. Two that ask at the same time both do; one stays.
 * @returns where it lies. To be copied, never changed.
 */
export async function onceARun(name: string, make: (path: string) => Promise<void>): Promise<string> {
  const directory = await runDirectory();
  const path = join(directory, name);
  if (await exists(path)) return path;
  const partial = join(directory, `${name}.${process.pid}.${++made}`);
  try {
    await make(partial);
    await rename(partial, path).catch(async (error: unknown) => {
      if (!(await exists(path))) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return path;
}
