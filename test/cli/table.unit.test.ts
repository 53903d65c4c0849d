import stringWidth from 'string-width';
import { expect, test } from 'vitest';

import { fitColumns, renderTable } from '../../src/cli/table.js';
import { colors } from '../../src/cli/terminal.js';

const id = '20261124T155650Z-full';
const sentence = 'The checksums of all 49,902 pages in 1,298 files are right, and nothing else was found.';

test('where there is no terminal, lines are as long as they are', () => {
  expect(renderTable([[id, sentence]], ['ID', 'WHAT'], { width: undefined }).split('\n')).toEqual([
    `ID${' '.repeat(21)}WHAT`,
    `${id}  ${sentence}`,
  ]);
});

test('what does not fit is wrapped in its column; ids stay whole', () => {
  const lines = renderTable(
    [
      ['  checksums', colors.green('passed'), sentence, id],
      ['  wal', colors.red('failed'), 'short', id],
    ],
    ['CHECK', 'STATUS', 'WHAT', 'ID'],
    { width: 80, indent: 2 },
  ).split('\n');
  for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(80);
  expect(lines.length).toBeGreaterThan(3);
  expect(lines.join('\n').match(new RegExp(id, 'g'))).toHaveLength(2);
  expect(lines[1]).toMatch(/^ {4}checksums/);
});

test('on a terminal too narrow for its words a table overflows rather than cuts', () => {
  const text = renderTable([[id, id, 'and so on']], undefined, { width: 30 });
  expect(text.match(new RegExp(id, 'g'))).toHaveLength(2);
});

test('the widest columns give way first', () => {
  expect(fitColumns([['aa', 'b '.repeat(40), 'c '.repeat(10)]], 60)).toEqual([2, 34, 20]);
  expect(fitColumns([['a', 'b']], 60)).toBeUndefined();
});
