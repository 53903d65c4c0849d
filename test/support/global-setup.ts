import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { TestProject } from 'vitest/node';

import { ensurePostgres } from '../../src/toolchain/postgres.js';
import { bundleName, runVariable } from './once-a-run.js';
import { makeScratch, removeScratch } from './scratch.js';

/**
 * Runs once before all suites: makes sure that PostgreSQL is there, so that no test's clock pays for a download, and makes the directory
 * for what suites share (once-a-run.ts). Temporal is looked for by the tests that need it, since building it takes minutes.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await ensurePostgres({ progress: (line) => process.stderr.write(`${line}\n`), major: 17 });
  const directory = await makeScratch();
  process.env[runVariable] = directory;
  // Watching: workflows may have changed.
  project.onTestsRerun(() => rm(join(directory, bundleName), { force: true }));
  return async () => {
    await removeScratch(directory);
  };
}
