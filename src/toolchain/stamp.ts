import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { z } from 'zod';

import { codeOf } from '../errors.js';

/** Where something installed came from. */
export interface Origin {
  /** A package and version, or an address. */
  source: string;
  /** Of the downloaded file, in hexadecimal; of the program itself where it was built here. */
  sha256: string;
}

const stampSchema = z.object({
  source: z.string(),
  sha256: z.string(),
  sizeBytes: z.record(z.string(), z.number().int()),
});

/** What a look at a cache entry finds. */
export type EntryState = { is: 'absent' } | { is: 'whole'; origin: Origin } | { is: 'damaged'; reason: string };

const stampName = '.pgdrill-stamp.json';

/** Writes down, last of all, what a finished entry holds: its origin, and the size of every file. The caller fsyncs. */
export async function writeStamp(directory: string, origin: Origin): Promise<void> {
  const sizeBytes: Record<string, number> = {};
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isDirectory()) sizeBytes[relative(directory, path)] = (await stat(path)).size;
  }
  const path = join(directory, stampName);
  await writeFile(path, JSON.stringify({ ...origin, sizeBytes }, undefined, 1));
  await chmod(path, 0o644);
}

/**
 * Compares a cache entry with its stamp: every file there, with its size. Cheap (a stat a file, a few milliseconds), so
 * every start can afford it.
 */
export async function readEntry(directory: string): Promise<EntryState> {
  let text: string;
  try {
    text = await readFile(join(directory, stampName), 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT')
      return { is: 'damaged', reason: `its stamp cannot be read (${codeOf(error) ?? ''})` };
    const there = await stat(directory).catch(() => undefined);
    return there === undefined ? { is: 'absent' } : { is: 'damaged', reason: 'it has no stamp: it was never finished' };
  }
  try {
    const { sizeBytes, ...origin } = stampSchema.parse(JSON.parse(text));
    for (const [name, expected] of Object.entries(sizeBytes)) {
      const actual = (await stat(join(directory, name)).catch(() => undefined))?.size;
      if (actual === undefined) return { is: 'damaged', reason: `${name} is missing` };
      if (actual !== expected) return { is: 'damaged', reason: `${name} has ${actual} bytes instead of ${expected}` };
    }
    return { is: 'whole', origin };
  } catch {
    return { is: 'damaged', reason: 'its stamp is not readable' };
  }
}
