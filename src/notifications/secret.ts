import { readFile } from 'node:fs/promises';

import { codeOf, ConfigurationError } from '../errors.js';

/** Where a secret is: by environment variable or by file name. Its value goes nowhere but into the request. */
export interface SecretPlace {
  env?: string | undefined;
  file?: string | undefined;
}

/**
 * Reads a secret.
 *
 * @param what it is for, for the message.
 * @returns undefined where no place is named.
 * @throws ConfigurationError when the variable is not set, or the file cannot be read or is empty; it names the place, never the value.
 */
export async function readSecret({ env, file }: SecretPlace, what: string): Promise<string | undefined> {
  if (env !== undefined) {
    const value = process.env[env]?.trim();
    if (value !== undefined && value !== '') return value;
    throw new ConfigurationError({
      what: `The environment variable ${env} is not set.`,
      means: `${what} is not known, so nobody can be told this way.`,
      todo: `Set it where the worker (and pgdrill notify) is started, and restart it.`,
    });
  }
  if (file === undefined) return undefined;
  const value = await readFile(file, 'utf8').then(
    (text) => text.trim(),
    (error: unknown) => {
      throw new ConfigurationError({
        what: `The file ${file} cannot be read (${codeOf(error) ?? 'unknown error'}).`,
        means: `${what} is not known, so nobody can be told this way.`,
        todo: 'Write it there, readable by the worker only (mode 0600).',
      });
    },
  );
  if (value !== '') return value;
  throw new ConfigurationError({
    what: `The file ${file} is empty.`,
    means: `${what} is not known, so nobody can be told this way.`,
    todo: 'Write it there, readable by the worker only (mode 0600).',
  });
}
