import type { Command } from 'commander';

import { version } from '../../version.js';
import { type CommandHelp, globalOptionsHelp, helpOfAll } from '../command-tree.js';
import { environment, exitCodeMeanings } from './facts.js';

/** `man/pgdrill.1`, made of the command tree, in the man macros of groff_man(7). */
export function renderManPage(program: Command): string {
  return `${[
    '.\\" Made by "npm run docs" from the command tree. Do not edit.',
    `.TH PGDRILL 1 "" "pgdrill ${version}" "pgdrill"`,
    '.SH NAME',
    'pgdrill \\- prove that PostgreSQL backups restore, and recover from them',
    '.SH SYNOPSIS',
    '.B pgdrill',
    '.I command',
    '.RI [ arguments ]',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    text(program.description()),
    '.PP',
    text(
      'Backups, drills and recoveries are workflows on a Temporal server: they survive the death of any process. Ctrl-C while one is followed leaves it running and says how to come back; a second one ends the command at once.',
    ),
    '.SH OPTIONS OF EVERY COMMAND',
    ...globalOptionsHelp(program).flatMap(tagged),
    '.SH COMMANDS',
    ...helpOfAll(program).flatMap(sectionOf),
    '.SH EXIT STATUS',
    ...exitCodeMeanings.flatMap(([term, description]) => tagged({ term, description })),
    '.SH ENVIRONMENT',
    ...environment.flatMap(([term, description]) => tagged({ term, description })),
    '.SH FILES',
    ...tagged({
      term: './pgdrill.yaml, /etc/pgdrill/pgdrill.yaml',
      description: 'the configuration, the first that exists',
    }),
    '.SH SEE ALSO',
    '.BR pg_basebackup (1),',
    '.BR pg_combinebackup (1),',
    '.BR pg_verifybackup (1)',
  ].join('\n')}\n`;
}

function sectionOf({ usage, description, arguments: args, options, notes, examples }: CommandHelp): string[] {
  return [
    `.SS "${text(usage)}"`,
    text(description),
    ...[...args, ...options].flatMap(tagged),
    ...(notes === '' ? [] : ['.PP', text(notes)]),
    ...(examples.length === 0 ? [] : ['.PP', 'Example:', '.PP', '.nf', '.RS 4', ...examples.map(text), '.RE', '.fi']),
  ];
}

function tagged({ term, description }: { term: string; description: string }): string[] {
  return ['.TP', `.B "${text(term)}"`, text(description)];
}

/** Plain words for roff: backslashes, quotes and hyphens as themselves, and no line that begins like a request. */
function text(words: string): string {
  return words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .split('\n')
    .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line))
    .filter((line) => line !== '')
    .join('\n');
}
