import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { z } from 'zod';

import { codeOf, messageOf, RepositoryError } from '../errors.js';
import { readTextFile } from '../files/durable.js';

// PostgreSQL manual, "Backup Manifest Format".
const manifestSchema = z.object({
  Files: z.array(z.object({ Path: z.string().optional(), 'Encoded-Path': z.string().optional(), Size: z.number() })),
  'WAL-Ranges': z.array(z.object({ Timeline: z.number(), 'Start-LSN': z.string(), 'End-LSN': z.string() })).min(1),
});

export interface BackupManifest {
  systemIdentifier: string;
  /** Of the backup's end; `startLsn` may lie on an earlier timeline where a standby was promoted meanwhile. */
  timeline: number;
  startLsn: string;
  endLsn: string;
  sizeBytes: number;
  files: number;
  sha256: string;
}

/**
 * Reads `backup_manifest` of a backup directory.
 *
 * @throws RepositoryError when it is missing or not a manifest.
 */
export async function readManifest(directory: string): Promise<BackupManifest> {
  const path = join(directory, 'backup_manifest');
  let text: string;
  try {
    text = await readTextFile(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    throw damagedManifest(path, 'it does not exist', error);
  }
  try {
    const manifest = manifestSchema.parse(JSON.parse(text));
    // A 64-bit number: JSON.parse would round it.
    const systemIdentifier = /"System-Identifier":\s*(\d+)/.exec(text)?.[1];
    if (systemIdentifier === undefined) throw new Error('it has no System-Identifier');
    const ranges = manifest['WAL-Ranges'];
    const [first, last] = [ranges[ranges.length - 1], ranges[0]];
    if (first === undefined || last === undefined) throw new Error('it has no WAL-Ranges');
    return {
      systemIdentifier,
      timeline: last.Timeline,
      startLsn: first['Start-LSN'],
      endLsn: last['End-LSN'],
      sizeBytes: manifest.Files.reduce((sum, file) => sum + file.Size, 0),
      files: manifest.Files.length,
      sha256: createHash('sha256').update(text).digest('hex'),
    };
  } catch (error) {
    throw damagedManifest(path, error instanceof z.ZodError ? z.prettifyError(error) : String(error), error);
  }
}

/** A file of a backup as its manifest has it. */
export interface ManifestFile {
  /** Below the data directory, for people. */
  name: string;
  /** The same as the file system has it: names need not be UTF-8. */
  path: Buffer;
  sizeBytes: number;
  /** Absent where the backup was taken without checksums. */
  checksum?: { algorithm: string; value: string };
}

const manifestFilesSchema = z.object({
  Files: z.array(
    z.object({
      Path: z.string().optional(),
      'Encoded-Path': z.string().optional(),
      Size: z.number(),
      'Checksum-Algorithm': z.string().optional(),
      Checksum: z.string().optional(),
    }),
  ),
});

/**
 * The files that a manifest lists, in its order.
 *
 * @throws RepositoryError as `readManifest`.
 */
export async function listManifestFiles(directory: string): Promise<ManifestFile[]> {
  const manifestPath = join(directory, 'backup_manifest');
  try {
    const { Files } = manifestFilesSchema.parse(JSON.parse(await readTextFile(manifestPath)));
    return Files.map((file) => {
      const encoded = file['Encoded-Path'];
      const path = encoded === undefined ? Buffer.from(file.Path ?? '') : Buffer.from(encoded, 'hex');
      const [algorithm, value] = [file['Checksum-Algorithm'], file.Checksum];
      return {
        name: path.toString('utf8'),
        path,
        sizeBytes: file.Size,
        ...(algorithm === undefined || value === undefined
          ? {}
          : { checksum: { algorithm, value: value.toLowerCase() } }),
      };
    });
  } catch (error) {
    throw damagedManifest(manifestPath, error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error), error);
  }
}

function damagedManifest(path: string, reason: string, cause: unknown): RepositoryError {
  return new RepositoryError(
    {
      what: `The backup manifest ${path} cannot be used: ${reason}.`,
      means: 'Without its manifest a backup can be neither verified nor combined.',
      todo: 'Restore from another chain; take a new full backup.',
    },
    { cause },
  );
}
