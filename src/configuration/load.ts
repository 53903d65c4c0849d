import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { codeOf, ConfigurationError, messageOf } from '../errors.js';
import { type Configuration, configurationSchema } from '../schema/configuration.js';
import { checkContent } from './content-check.js';
import { explainIssue, leastConfiguration } from './issue-text.js';
import { stateDirectory } from './state-directory.js';
import { parseYaml, type Problem } from './yaml-source.js';

export interface LoadedConfiguration {
  /** The file that was read, absolute. */
  path: string;
  configuration: Configuration;
  /** Where sandboxes and the embedded servers live, absolute. */
  stateDirectory: string;
}

/** Where a configuration is looked for when none is named, in this order. */
export const usualPlaces = ['./pgdrill.yaml', '/etc/pgdrill/pgdrill.yaml'] as const;

/**
 * Finds, reads and checks the configuration: the given path (`--config`), `PGDRILL_CONFIG`, `./pgdrill.yaml`,
 * `/etc/pgdrill/pgdrill.yaml`. The first that is named or exists is taken; a named one must exist.
 *
 * @throws ConfigurationError that lists every problem with file, line, column and key, not only the first.
 */
export async function loadConfiguration(options: { path?: string } = {}): Promise<LoadedConfiguration> {
  const { path, text } = await findFile(options.path);
  const configuration = parseConfiguration(text, path);
  return { path, configuration, stateDirectory: stateDirectory(configuration.state_directory) };
}

/**
 * Checks the text of a configuration file.
 *
 * @param path names the file in messages.
 * @throws ConfigurationError that lists every problem.
 */
export function parseConfiguration(text: string, path: string): Configuration {
  const source = parseYaml(text);
  const problems = [...source.problems];
  if (source.value === undefined && problems.length > 0) throw problemsError(path, problems);
  const parsed = configurationSchema.safeParse(source.value);
  const found = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => explainIssue(issue, source.value)),
    ...checkContent(source.value),
  ];
  problems.push(...found.map((problem) => source.problemAt(problem.path, problem.text)));
  if (!parsed.success || problems.length > 0) throw problemsError(path, problems);
  return parsed.data;
}

function problemsError(path: string, problems: readonly Problem[]): ConfigurationError {
  const lines = [...problems]
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .map(({ line, column, key, text }) => `\n  ${path}:${line}:${column}: ${key === '' ? '' : `${key} `}${text}`);
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new ConfigurationError({
    what: `The configuration has ${count}:${lines.join('')}`,
    means: 'pgdrill does not guess what a configuration was meant to say: nothing was started.',
    todo: 'Mend the lines named above. Every key stands in docs/configuration.md.',
  });
}

/**
 * The file that `loadConfiguration` would read, whether it exists or not: for who is to write it.
 *
 * @returns its text where it exists.
 * @throws ConfigurationError when it is there and cannot be read.
 */
export async function placeOfConfiguration(given?: string): Promise<{ path: string; text?: string }> {
  const named = whoNamed(given);
  for (const place of named === undefined ? usualPlaces : [named.place]) {
    const path = resolve(place);
    try {
      return { path, text: await readFile(path, 'utf8') };
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw unusable(path, named, error);
    }
  }
  return { path: resolve(named?.place ?? usualPlaces[0]) };
}

interface Named {
  place: string;
  by: '--config' | 'PGDRILL_CONFIG';
}

function whoNamed(given: string | undefined): Named | undefined {
  if (given !== undefined) return { place: given, by: '--config' };
  const place = process.env['PGDRILL_CONFIG'] ?? '';
  return place === '' ? undefined : { place, by: 'PGDRILL_CONFIG' };
}

async function findFile(given: string | undefined): Promise<{ path: string; text: string }> {
  const { path, text } = await placeOfConfiguration(given);
  if (text !== undefined) return { path, text };
  const named = whoNamed(given);
  if (named !== undefined) throw unusable(path, named);
  throw new ConfigurationError({
    what: `There is no configuration file: neither ${usualPlaces.join(' nor ')} exists.`,
    means: 'pgdrill does not know which clusters to protect.',
    todo: `Write one, or name it with --config or PGDRILL_CONFIG. The least that works:\n\n${leastConfiguration.replace(/^(?=.)/gm, '    ')}`,
  });
}

/** @param error why it cannot be read; absent where it is not there. */
function unusable(path: string, named: Named | undefined, error?: unknown): ConfigurationError {
  return new ConfigurationError(
    {
      what: `The configuration file ${path}${named === undefined ? '' : ` (from ${named.by})`} ${error === undefined ? 'does not exist' : `cannot be read: ${messageOf(error)}`}.`,
      means: 'pgdrill does not know which clusters to protect.',
      todo:
        error === undefined ? 'Check the path, or write the file.' : 'Check its permissions, and that it is a file.',
    },
    { cause: error },
  );
}
