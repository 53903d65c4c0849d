import { execa } from 'execa';
import { expect, test } from 'vitest';

import { main, pgdrill } from '../support/programs.js';

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

test('bash completes with what it is told', async () => {
  const completes = async (...words: string[]): Promise<string[]> => {
    const script = `
      pgdrill() { "$NODE" "$MAIN" "$@"; }
      source <(pgdrill completion bash)
      COMP_WORDS=(pgdrill "$@") COMP_CWORD=$#
      _pgdrill
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await execa('bash', ['-c', script, 'bash', ...words], {
      env: { NODE: process.execPath, MAIN: main, PGDRILL_CONFIG: '/nowhere.yaml' },
    });
    return stdout.split('\n').filter((line) => line !== '');
  };
  expect(await completes('ret')).toEqual(['retarget', 'retention']);
  expect(await completes('backup', 'shop', '--type', '')).toEqual(['full', 'incremental', 'differential']);
  expect(await completes('status', '')).toEqual([]); // nothing that it could look up: no noise
});
