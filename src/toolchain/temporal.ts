import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { exists } from '../files/durable.js';
import { messageOf, ToolchainError } from '../errors.js';
import { assertReachable, cacheDirectory } from './cache-directory.js';
import { installEntry } from './install-entry.js';
import { slowStep, type Progress } from './progress.js';
import { readEntry, type Origin } from './stamp.js';
import { temporalSources, type TemporalSource } from './temporal-sources.js';
import { inspectTemporal, temporalVersion } from './temporal-version.js';

const entry = `temporal-${temporalVersion}`;
const what = `Temporal ${temporalVersion}`;

const byHand = [
  'Install the Temporal CLI, 1.5 or newer (https://docs.temporal.io/cli: an archive to unpack, or brew install temporal),',
  '  on PATH or anywhere else: PGDRILL_TEMPORAL=/path/to/temporal. With Go and a module proxy pgdrill builds it itself.',
].join('\n');

/**
 * Looks for the `temporal` program, 1.5 or newer: `PGDRILL_TEMPORAL`, `PATH`, pgdrill's cache, in this order.
 *
 * @returns its absolute path, or undefined when there is none.
 * @throws ToolchainError when `PGDRILL_TEMPORAL` is set to something that cannot be used: it is never silently ignored.
 */
export async function findTemporal(): Promise<string | undefined> {
  const configured = process.env['PGDRILL_TEMPORAL'];
  if (configured) {
    await assertConfigured(configured);
    return configured;
  }
  for (const directory of new Set((process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute))) {
    const path = join(directory, 'temporal');
    if (!(await exists(path).catch(() => false))) continue;
    const usable = await inspectTemporal(path).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  const directory = join(cacheDirectory(), entry);
  if ((await readEntry(directory)).is !== 'whole') return undefined;
  await assertReachable(directory);
  return join(directory, 'temporal');
}

/**
 * Finds the `temporal` program, or installs it into pgdrill's cache: built with Go, else downloaded.
 *
 * @param options.progress given a line when a slow step begins, every 15 seconds, and when it ends
 * @param options.sources how to get it, in order; for tests
 * @returns its absolute path.
 * @throws ToolchainError when it is neither here nor installable, with what was tried and what to do.
 */
export async function ensureTemporal(options: {
  progress: Progress;
  sources?: readonly TemporalSource[];
}): Promise<string> {
  const found = await findTemporal();
  if (found !== undefined) return found;
  const { progress, sources = temporalSources } = options;
  const fill = (partial: string): Promise<Origin> => fillFrom(sources, partial, progress);
  const directory = await installEntry({ entry, what, progress, fill });
  progress(`${what} is ready in ${directory}`);
  return join(directory, 'temporal');
}

async function fillFrom(sources: readonly TemporalSource[], partial: string, progress: Progress): Promise<Origin> {
  const failures: string[] = [];
  const path = join(partial, 'temporal');
  for (const { name, get } of sources) {
    try {
      const source = await slowStep(progress, `${what}: ${name}`, () => get(partial));
      await inspectTemporal(path);
      return { source, sha256: await sha256Of(path) };
    } catch (error) {
      failures.push(`${name}: ${messageOf(error)}`);
    }
  }
  throw new ToolchainError({
    what: `The Temporal server is not on this machine and could not be installed. Tried:\n${failures.join('\n')}`,
    means: 'pgdrill runs its workflows on Temporal; without one of your own it starts this program.',
    todo: byHand,
  });
}

async function assertConfigured(path: string): Promise<void> {
  try {
    if (!isAbsolute(path)) throw new Error('it is not an absolute path');
    await inspectTemporal(path);
  } catch (error) {
    throw new ToolchainError(
      {
        what: `PGDRILL_TEMPORAL is set to ${path}, which cannot be used: ${messageOf(error)}`,
        means: 'pgdrill uses the program named there and no other.',
        todo: `Name a \`temporal\` program, 1.5 or newer, or unset PGDRILL_TEMPORAL. ${byHand}`,
      },
      { cause: error },
    );
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
