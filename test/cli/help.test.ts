import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { pgdrill } from '../support/programs.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

// What each command's help says: help.unit.test.ts.
test('asked for help, pgdrill prints it and is content', async () => {
  const [all, one] = await Promise.all([pgdrill(['--help']), pgdrill(['policies', 'run', '--help'])]);
  expect([all.exitCode, one.exitCode]).toEqual([0, 0]);
  expect(all.stdout).toContain('policies');
  expect(one.stdout).toContain('Example:\n  pgdrill policies run shop daily_full');
});

test('the version is one number', async () => {
  const { exitCode, stdout } = await pgdrill(['--version']);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string });
});

test.each([
  ['the version', ['--version']],
  ['help', ['--help']],
  ['the help of a command', ['recover', '--help']],
  ['completion', ['complete', '--', 'drill', '--ga']],
  ['what is typed wrong', ['drill', 'shop', '--tarket', 'latest']],
])('%s comes at once: no client of Temporal or PostgreSQL is loaded for it', async (_what, args) => {
  expect(await packagesLoadedBy(args)).toEqual(['commander', 'picocolors']);
});

test('what a command needs is loaded when it runs', async () => {
  expect(await packagesLoadedBy(['status', '--config', '/nowhere.yaml'])).toContain('@temporalio/client');
});

/** The packages whose modules a run of pgdrill loads, as V8 itself tells at its end. */
async function packagesLoadedBy(args: readonly string[]): Promise<string[]> {
  const scratch = await makeScratch();
  try {
    await pgdrill(args, { env: { NODE_V8_COVERAGE: scratch } });
    const [told = 'nothing'] = await readdir(scratch);
    const { result } = JSON.parse(await readFile(join(scratch, told), 'utf8')) as { result: { url: string }[] };
    const names = result.map(({ url }) => /\/node_modules\/(@[^/]+\/[^/]+|[^/]+)\//.exec(url)?.[1]);
    return [...new Set(names.filter((name) => name !== undefined))].sort();
  } finally {
    await removeScratch(scratch);
  }
}
