import type { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { commandsOf } from '../../src/cli/command-tree.js';
import { createProgram } from '../../src/cli/program.js';
import { runProgram } from '../../src/cli/run-program.js';

// What commands print when they succeed is looked at where they have servers to work on; here, that a refusal of each is one document, too.

let stdout = '';
let stderr = '';
beforeEach(() => {
  [stdout, stderr] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((stdout += text.toString()), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((stderr += text.toString()), true));
});
afterEach(() => {
  vi.restoreAllMocks();
});

async function run(...words: string[]): Promise<{ code: number; document: unknown }> {
  const code = await runProgram(words);
  return { code, document: JSON.parse(stdout) as unknown };
}

/** What has to be typed at least: each required argument and option with some value. */
function least(command: Command): string[] {
  const values = command.registeredArguments
    .filter(({ required }) => required)
    .map(({ argChoices }) => argChoices?.[0] ?? 'shop');
  const options = command.options.filter(({ mandatory }) => mandatory).flatMap(({ long }) => [long ?? '', '1h']);
  return [...values, ...options];
}

const commands = commandsOf(createProgram(() => undefined)).filter(
  ({ path, command }) => command.commands.length === 0 && path !== 'pgdrill complete',
);

describe.each(commands)('$path --json prints one document', ({ path, command }) => {
  const words = path.split(' ').slice(1);

  test('where it was typed wrong', async () => {
    expect(await run(...words, ...least(command), '--no-such-option', '--json')).toEqual({
      code: 64,
      document: { error: { type: 'UsageError', message: expect.stringContaining('--no-such-option') as string } },
    });
    expect(stderr).toContain('--no-such-option');
    expect(stderr).toContain(`${path} --help`);
  });

  test('for its help', async () => {
    const { code, document } = await run(...words, '--help', '--json');
    expect({ code, document }).toEqual({ code: 0, document: { help: expect.stringContaining(path) as string } });
  });

  // The demo needs no configuration: it would begin.
  test.skipIf(path === 'pgdrill demo')('where the configuration does not exist', async () => {
    const { code, document } = await run(...words, ...least(command), '--config', '/nowhere/pgdrill.yaml', '--json');
    if (path === 'pgdrill completion')
      expect({ code, document }).toMatchObject({ code: 0, document: { shell: 'bash' } });
    else {
      expect(document).toEqual({
        error: { type: expect.any(String) as string, message: expect.any(String) as string },
      });
      expect([64, 78]).toContain(code);
    }
  });
});

test('where a command is missing, or unknown', async () => {
  expect(await run('--json')).toMatchObject({ code: 64, document: { error: { type: 'UsageError' } } });
  stdout = '';
  expect(await run('policies', '--json')).toMatchObject({
    code: 64,
    document: { error: { message: 'A command is missing: --help lists them.' } },
  });
  stdout = '';
  expect(await run('dril', 'shop', '--json')).toMatchObject({
    document: { error: { message: expect.stringContaining('Did you mean drill?') as string } },
  });
});

test('for the version', async () => {
  expect(await run('--version', '--json')).toMatchObject({
    code: 0,
    document: { version: expect.stringMatching(/^\d/) as string },
  });
});
