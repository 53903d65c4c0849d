import { type Command, CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';

import { createProgram } from '../../src/cli/program.js';

const program = createProgram(() => undefined);

/** Each command that does something, by what one types. */
function leaves(command: Command, path: string): [path: string, command: Command][] {
  if (command.commands.length === 0) return [[path, command]];
  return command.commands.flatMap((each) => leaves(each, `${path} ${each.name()}`));
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

const commands = leaves(program, 'pgdrill').filter(([path]) => path !== 'pgdrill complete');

test('the help lists every command', () => {
  const listed = [...helpOf(program).matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name);
  const names = program.commands.map((command) => command.name());
  // What only shells ask (src/cli/completion.ts) is hidden.
  expect(listed).toEqual(expect.arrayContaining(names.filter((name) => name !== 'complete')));
  expect(listed).not.toContain('complete');
  expect(commands.length).toBeGreaterThan(30);
});

describe.each(commands)('the help of %s', (path, command) => {
  const help = helpOf(command);

  test('has an example that begins as one would type it', () => {
    expect(help).toMatch(new RegExp(`Examples?:\\n  ([A-Z_]+=\\S+ )?${path}\\b`));
  });

  test('says what it does, and what each argument and option means', () => {
    expect(command.description()).not.toBe('');
    for (const argument of command.registeredArguments) expect(argument.description, argument.name()).not.toBe('');
    for (const option of command.options) expect(option.description, option.flags).not.toBe('');
    expect(help).toContain('--json');
  });

  test('is what it is asked for, and what it does not know is an error and not the end of the process', async () => {
    const quiet = createProgram(() => undefined);
    for (const each of everyCommand(quiet))
      each.configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
    const words = path.split(' ').slice(1);
    for (const option of ['--help', '--no-such-option'])
      await expect(quiet.parseAsync([...words, option], { from: 'user' })).rejects.toThrow(CommanderError);
  });
});
