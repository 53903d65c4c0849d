import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { UsageError } from '../errors.js';
import { exists, makePrivateDirectory, writeFileDurably } from '../files/durable.js';
import { extractInputSchema } from '../schema/extraction.js';
import { recoverInputSchema } from '../schema/workflow-inputs.js';

const placeSchema = z.object({
  cluster: z.string(),
  repository: z.string(),
  /** Where the WAL lies; below the repository, unless it was archived elsewhere. */
  walDirectory: z.string().optional(),
});

const requestSchema = z.discriminatedUnion('kind', [
  placeSchema.extend({ kind: z.literal('recover'), input: recoverInputSchema }),
  placeSchema.extend({ kind: z.literal('extract'), input: extractInputSchema }),
]);

/** What a recovery, or an extraction, without a configuration goes by. */
export type StandaloneRequest = z.input<typeof requestSchema>;

/** Beside the new data directory or file: on a disk that has room, and found again by the same command. */
export function standaloneStateOf(into: string): string {
  return `${into}-pgdrill`;
}

export const configurationIn = (state: string): string => join(state, 'pgdrill.yaml');
/** A profile of Temporal that says nothing: whatever the user's own says, this recovery talks to its own server. */
export const temporalProfileIn = (state: string): string => join(state, 'temporal.toml');
const requestIn = (state: string): string => join(state, 'request.json');

/**
 * Writes down what is recovered, or finds it written down by the same command before a crash. What the worker needs of a configuration
 * follows from it.
 *
 * @throws UsageError when another recovery has been begun there, or something else is there.
 */
export async function keepRequest(state: string, request: StandaloneRequest): Promise<void> {
  const wanted = normal(request);
  const text = await readFile(requestIn(state), 'utf8').catch(() => undefined);
  if (text === undefined && (await exists(state))) {
    throw new UsageError({
      what: `${state} exists, and no recovery of pgdrill was begun there.`,
      means: 'This recovery would keep its own state there; it touches nothing that is not its own.',
      todo: 'Move it away, or recover into a directory of another name.',
    });
  }
  if (text !== undefined && text !== wanted) {
    const { input } = requestSchema.parse(JSON.parse(text));
    throw new UsageError({
      what: `Another recovery has been begun in ${state}: cluster ${input.cluster}, target ${input.target}, into ${input.into}.`,
      means: 'It was not finished. Nothing was started.',
      todo: 'Give the same options to go on with it, or --give-up as well to end it and remove what it restored.',
    });
  }
  await makePrivateDirectory(state);
  await writeFileDurably(configurationIn(state), configurationOf(state, request));
  await writeFileDurably(temporalProfileIn(state), '[profile.default]\n');
  await writeFileDurably(requestIn(state), wanted);
}

/** In one order, with its defaults: the same request is the same text. */
function normal(request: StandaloneRequest): string {
  return `${JSON.stringify(requestSchema.parse(request), null, 2)}\n`;
}

export async function removeState(state: string): Promise<void> {
  await rm(state, { recursive: true, force: true });
}

function configurationOf(state: string, { cluster, repository, walDirectory }: StandaloneRequest): string {
  const text = (value: string): string => JSON.stringify(value); // YAML takes JSON's strings
  return `# Written by pgdrill recover --standalone, for this one recovery.
state_directory: ${text(state)}
clusters:
  ${cluster}:
    connection: host=/nowhere dbname=postgres # the source is gone, and is not asked
    repository: ${text(repository)}
${walDirectory === undefined ? '' : `    wal: { directory: ${text(walDirectory)} }\n`}`;
}
