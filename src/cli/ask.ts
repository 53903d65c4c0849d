import { createInterface } from 'node:readline/promises';

import { UsageError } from '../errors.js';

export interface Terminal {
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  output: NodeJS.WritableStream & { isTTY?: boolean };
}

/** Questions go to standard error, so that standard output can be piped. */
const ours: Terminal = { input: process.stdin, output: process.stderr };

/**
 * Asks a person for each value that is missing, with a proposal for what Enter alone means.
 *
 * @returns the values; undefined where nobody sits at a terminal, and nothing was asked.
 * @throws UsageError where the input ends before the last answer.
 */
export async function ask<Key extends string>(
  questions: readonly { key: Key; text: string; proposal: string }[],
  terminal: Terminal = ours,
): Promise<Partial<Record<Key, string>> | undefined> {
  if (terminal.input.isTTY !== true || terminal.output.isTTY !== true) return undefined;
  const lines = createInterface(terminal);
  const ended = new Promise<never>((_, reject) => {
    lines.once('close', () =>
      reject(
        new UsageError({
          what: 'The input ended before everything was answered.',
          means: 'Nothing was done.',
          todo: 'Run the command again, or give everything by options (--help).',
        }),
      ),
    );
  });
  ended.catch(() => undefined);
  try {
    const answers: Partial<Record<Key, string>> = {};
    for (const { key, text, proposal } of questions) {
      const answer = (await Promise.race([lines.question(`${text} [${proposal}]: `), ended])).trim();
      answers[key] = answer === '' ? proposal : answer;
    }
    return answers;
  } finally {
    lines.close();
  }
}
