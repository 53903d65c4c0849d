import type { Command } from 'commander';

import { type CommandHelp, globalOptionsHelp, helpOfAll } from '../command-tree.js';
import { environment, exitCodeMeanings } from './facts.js';

/** `docs/commands.md`, made of the command tree: it cannot be out of step with what `--help` says. */
export function renderCommandsPage(program: Command): string {
  const commands = helpOfAll(program);
  return [
    '# Commands',
    '<!-- Made by `npm run docs` from the command tree. Do not edit. -->',
    '`pgdrill COMMAND --help` says the same. `pgdrill completion SHELL` prints what bash, zsh or fish need to complete commands, clusters and ids.',
    `- [Every command takes](#every-command-takes)\n- [Exit codes](#exit-codes)\n- [Environment](#environment)\n${commands.map(({ path }) => `- [\`${path}\`](#${anchorOf(path)})`).join('\n')}`,
    '## Every command takes',
    table(['option', 'meaning'], rowsOf(globalOptionsHelp(program))),
    'Output goes to standard output where it is the answer, else to standard error. Ctrl-C while a run is followed leaves it running and says how to come back; a second one ends the command at once. Questions are asked on a terminal only.',
    '## Exit codes',
    table(['code', 'meaning'], exitCodeMeanings),
    '## Environment',
    table(
      ['variable', 'meaning'],
      environment.map(([name, meaning]) => [code(name), meaning]),
    ),
    ...commands.flatMap(sectionOf),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}

function sectionOf({ path, description, usage, arguments: args, options, notes, examples }: CommandHelp): string[] {
  return [
    `## ${path}`,
    sentence(description),
    fenced([usage]),
    ...(args.length === 0 ? [] : [table(['argument', 'meaning'], rowsOf(args))]),
    ...(options.length === 0 ? [] : [table(['option', 'meaning'], rowsOf(options))]),
    ...(notes === '' ? [] : [notes]),
    ...(examples.length === 0 ? [] : [examples.length === 1 ? 'Example:' : 'Examples:', fenced(examples)]),
  ];
}

function rowsOf(entries: readonly { term: string; description: string }[]): string[][] {
  return entries.map(({ term, description }) => [code(term), description]);
}

/** Padded, as prettier does it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')))];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...all.slice(1).map(line)].join(
    '\n',
  );
}

function fenced(lines: readonly string[]): string {
  return `\`\`\`sh\n${lines.join('\n')}\n\`\`\``;
}

function code(text: string): string {
  return `\`${text}\``;
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(' ', '-');
}
