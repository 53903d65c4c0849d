import { expect, test } from 'vitest';

import { pgdrill } from '../support/programs.js';

const commands = [
  'backup',
  'backups',
  'drill',
  'recover',
  'approve',
  'reject',
  'status',
  'doctor',
  'dev',
  'worker',
  'demo',
];

test('the help lists every command', async () => {
  const { exitCode, stdout } = await pgdrill(['--help']);
  expect(exitCode).toBe(0);
  expect([...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name)).toEqual(expect.arrayContaining(commands));
});

test.each(commands)('the help of %s has an example that begins as one would type it', async (command) => {
  const { exitCode, stdout } = await pgdrill([command, '--help']);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(new RegExp(`Example:\\n  (TEMPORAL_ADDRESS=\\S+ )?pgdrill ${command}`));
  expect(stdout).toContain('--json');
});

test('the version is one number', async () => {
  const { exitCode, stdout } = await pgdrill(['--version']);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string });
});
