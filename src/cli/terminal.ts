import { stripVTControlCharacters } from 'node:util';

import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import sliceAnsi from 'slice-ansi';

/**
 * Colours for text of all kinds. They are put in always, and taken out again where the stream that the text goes to shows none: of two streams
 * one may be a terminal and the other a file.
 */
export const colors = pc.createColors(true);

/** Everything that is not the answer itself goes to standard error, so that standard output can be piped. */
export function say(line: string): void {
  write(process.stderr, line);
}

/** The answer. */
export function print(text: string): void {
  write(process.stdout, text);
}

export function printJson(value: unknown): void {
  clearLive();
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function write(stream: NodeJS.WriteStream, text: string): void {
  clearLive();
  stream.write(`${showsColors(stream) ? text : stripVTControlCharacters(text)}\n`);
}

/** Only a terminal does, and none where NO_COLOR is set and not empty (https://no-color.org), or TERM is dumb. */
function showsColors(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR: none = '', ...others } = process.env;
  return stream.isTTY && none === '' && stream.hasColors(others);
}

/** How wide a line may be; undefined where there is no terminal, and lines are as long as they are. */
export function widthOf(stream: NodeJS.WriteStream): number | undefined {
  return stream.isTTY ? stream.columns || 80 : undefined;
}

/** Lines at the end of the terminal that the next ones replace; they are cut where it ends. Drawn on a terminal only. */
const area = createLogUpdate(process.stderr, {
  showCursor: true, // to hide it takes a handler of signals, which ends processes that handle them themselves
});
let liveShown = false;

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

/** A verdict or status in its colour. */
export function tint(status: string): string {
  if (/^(passed|ok|met|done|completed|recovered|approved)$/i.test(status)) return colors.green(status);
  if (/^(failed|error|missed|terminated)$/i.test(status)) return colors.red(status);
  return colors.yellow(status);
}
