import Table from 'cli-table3';
import stringWidth from 'string-width';

import { widthOf } from './terminal.js';

const gap = '  ';

const none = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: gap,
};

interface TableOptions {
  /** Spaces before each line. */
  indent?: number;
  /** How wide the lines may be, in columns; by default as wide as the terminal, and without bounds where there is none. */
  width?: number | undefined;
}

/**
 * Columns without lines, like the tools people know. Cells may hold colours. What does not fit the terminal is wrapped between words inside its
 * column; what has no spaces, such as an id, stays whole, so that it can be copied.
 */
export function renderTable(
  rows: readonly (readonly string[])[],
  head?: readonly string[],
  { indent = 0, width = widthOf(process.stdout) }: TableOptions = {},
): string {
  const widths =
    width === undefined ? undefined : fitColumns(head === undefined ? rows : [head, ...rows], width - indent);
  const table = new Table({
    chars: none,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    ...(head === undefined ? {} : { head: [...head] }),
    ...(widths === undefined ? {} : { colWidths: widths, wordWrap: true }),
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => `${' '.repeat(indent)}${line}`.trimEnd())
    .join('\n');
}

/**
 * How wide each column may be, so that all fit: the widest give way first, none below its longest word.
 *
 * @returns undefined where all fit as they are.
 */
export function fitColumns(rows: readonly (readonly string[])[], available: number): number[] | undefined {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const measure = (column: number, of: (cell: string) => number): number =>
    Math.max(1, ...rows.map((row) => of(row[column] ?? '')));
  const at = Array.from({ length: columns }, (_, column) => column);
  const natural = at.map((column) =>
    measure(column, (cell) => Math.max(...cell.split('\n').map((line) => stringWidth(line)))),
  );
  const least = at.map((column) =>
    measure(column, (cell) => Math.max(0, ...cell.split(/\s/).map((word) => stringWidth(word)))),
  );
  const room = available - gap.length * Math.max(0, columns - 1);
  const sum = (widths: readonly number[]): number => widths.reduce((total, each) => total + each, 0);
  if (sum(natural) <= room) return undefined;
  const below = (cap: number): number[] =>
    natural.map((width, column) => Math.min(width, Math.max(cap, least[column] ?? 0)));
  let cap = Math.max(...natural);
  while (cap > 1 && sum(below(cap)) > room) cap -= 1;
  return below(cap);
}
