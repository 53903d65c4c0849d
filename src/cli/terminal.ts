import { stripVTControlCharacters } from 'node:util';

import pc from 'picocolors';

/**
 * Colours for text of all kinds. They are put in always, and taken out again where the stream that the text goes to shows none: of two streams
 * one may be a terminal and the other a file.
 */
export const colors = pc.createColors(true);

let beforeWriting = (): void => undefined;

/** What has to be done before anything is written: what is drawn at the end of the terminal has to go. */
export function onWriting(act: () => void): void {
  beforeWriting = act;
}

/** Everything that is not the answer itself goes to standard error, so that standard output can be piped. */
export function say(line: string): void {
  write(process.stderr, line);
}

/** The answer. */
export function print(text: string): void {
  write(process.stdout, text);
}

let jsonPrinted = false;

/** A command begins: nothing is answered yet. */
export function beginOutput(): void {
  jsonPrinted = false;
}

export function hasPrintedJson(): boolean {
  return jsonPrinted;
}

export function printJson(value: unknown): void {
  beforeWriting();
  jsonPrinted = true;
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function write(stream: NodeJS.WriteStream, text: string): void {
  beforeWriting();
  stream.write(`${showsColors(stream) ? text : stripVTControlCharacters(text)}\n`);
}

/** Only a terminal does, and none where NO_COLOR is set and not empty (https://no-color.org), or TERM is dumb. */
export function showsColors(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR: none = '', ...others } = process.env;
  return stream.isTTY && none === '' && stream.hasColors(others);
}

/** How wide a line may be; undefined where there is no terminal, and lines are as long as they are. */
export function widthOf(stream: NodeJS.WriteStream): number | undefined {
  return stream.isTTY ? stream.columns || 80 : undefined;
}

/** A verdict or status in its colour. */
export function tint(status: string): string {
  if (/^(passed|ok|met|done|completed|recovered|approved)$/i.test(status)) return colors.green(status);
  if (/^(failed|error|missed|terminated)$/i.test(status)) return colors.red(status);
  return colors.yellow(status);
}
