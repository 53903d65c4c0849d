import { expect, test } from 'vitest';

import { pgdrill } from '../support/programs.js';

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
