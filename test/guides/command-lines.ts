import type { NamedCommand } from '../../src/cli/command-tree.js';

/** @returns what of a command line the program would not understand, in words; empty where it would understand all. */
export function wrongWords(line: string, commands: readonly NamedCommand[]): string[] {
  const words = wordsOf(line);
  const named = commands
    .filter(({ path }) => words.slice(0, path.split(' ').length).join(' ') === path)
    .sort((one, other) => other.path.length - one.path.length)[0];
  if (named === undefined || named.path === 'pgdrill') return [`${line}: no such command`];
  const { command, path } = named;
  if (command.commands.length > 0) return words.length === path.split(' ').length ? [] : [`${line}: no such command`];
  const options = [...command.options, ...(commands[0]?.command.options ?? [])];
  const wrong: string[] = [];
  let given = 0;
  const rest = words.slice(path.split(' ').length);
  for (let index = 0; index < rest.length; index += 1) {
    const word = rest[index] ?? '';
    if (word === '--') break;
    if (word === '…') continue; // what a page leaves out
    if (!word.startsWith('-')) {
      given += 1;
      continue;
    }
    const option = options.find(({ long, short }) => long === word || short === word);
    if (option === undefined) wrong.push(`${line}: no option ${word}`);
    if (option?.required !== true) continue;
    do {
      const value = rest[(index += 1)];
      if (value === undefined) wrong.push(`${line}: ${word} without its value`);
      else if (value !== '…' && option.argChoices?.includes(value) === false)
        wrong.push(`${line}: ${word} cannot be ${value}`);
    } while (option.variadic && rest[index + 1]?.startsWith('-') === false);
  }
  const takes = command.registeredArguments;
  if (given > takes.length && takes.at(-1)?.variadic !== true) wrong.push(`${line}: too many arguments`);
  return wrong;
}

/** As a shell splits them, up to where the command ends. */
function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/'[^']*'|"[^"]*"|\S+/g)].map(([word]) => word.replaceAll(/^['"]|['"]$/g, ''));
  const end = words.findIndex((word) => ['||', '&&', '|', '>', '#'].includes(word));
  return end === -1 ? words : words.slice(0, end);
}
