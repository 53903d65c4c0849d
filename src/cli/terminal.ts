import pc from 'picocolors';

/** Everything that is not the answer itself goes to standard error, so that standard output can be piped. */
export function say(line: string): void {
  clearLive();
  process.stderr.write(`${line}\n`);
}

/** The answer. */
export function print(text: string): void {
  clearLive();
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

let liveShown = false;

/** One line that is overwritten by the next, on terminals only. */
export function live(line: string): void {
  if (!process.stderr.isTTY) return;
  const width = (process.stderr.columns || 80) - 1;
  process.stderr.write(`\r\u001b[2K${line.slice(0, width)}`);
  liveShown = true;
}

function clearLive(): void {
  if (liveShown) process.stderr.write('\r\u001b[2K');
  liveShown = false;
}

export const colors = pc;

/** A verdict or status in its colour. */
export function tint(status: string): string {
  if (/^(passed|ok|met|done|recovered|approved)$/i.test(status)) return pc.green(status);
  if (/^(failed|error|missed)$/i.test(status)) return pc.red(status);
  return pc.yellow(status);
}
