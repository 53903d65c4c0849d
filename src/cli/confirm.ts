import { createInterface } from 'node:readline/promises';

import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { printJson, say } from './terminal.js';

/**
 * Asks whether to go on, on a terminal.
 *
 * @param what will happen, for the refusal where there is nobody to ask.
 * @throws UsageError where there is no terminal: silence is not consent.
 */
export async function confirm(question: string, what: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError({
      what: `${what} Nobody can be asked here: there is no terminal.`,
      means: 'Nothing was changed.',
      todo: 'Be sure that it is what you want (most commands have --dry-run), then run it again with --yes.',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

/**
 * Ends a command whose question was answered with no.
 *
 * @param said what was therefore not done.
 * @returns the exit code.
 */
export function declined(said: string, asJson: boolean): ExitCode {
  say(said);
  if (asJson) printJson({ declined: true });
  return exitCodes.failed;
}
