import { stripVTControlCharacters } from 'node:util';

import { createLogUpdate } from 'log-update';
import sliceAnsi from 'slice-ansi';

import { onWriting, showsColors, widthOf } from './terminal.js';

/** Lines at the end of the terminal that the next ones replace; they are cut where it ends. Drawn on a terminal only. */
const area = createLogUpdate(process.stderr, {
  showCursor: true, // to hide it takes a handler of signals, which ends processes that handle them themselves
});
let liveShown = false;
onWriting(clearLive);

export function live(lines: readonly string[]): void {
  const width = widthOf(process.stderr);
  if (width === undefined) return;
  if (lines.length === 0) {
    clearLive();
    return;
  }
  const most = (process.stderr.rows || 24) - 1;
  const shown =
    lines.length <= most ? lines : [...lines.slice(0, most - 1), `… and ${lines.length - most + 1} more lines`];
  const text = shown.map((line) => sliceAnsi(line, 0, width - 1)).join('\n');
  area(showsColors(process.stderr) ? text : stripVTControlCharacters(text));
  liveShown = true;
}

export function clearLive(): void {
  if (!liveShown) return;
  area.clear();
  area.done();
  liveShown = false;
}
