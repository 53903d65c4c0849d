import { join } from 'node:path';

import { z } from 'zod';

import { readTextFile } from '../files/durable.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { readIncrementalFile } from './incremental-file.js';

const manifestSchema = z.object({ Files: z.array(z.object({ Path: z.string().optional(), Size: z.number() })) });

/**
 * How large the data directory becomes when the chain that ends with this backup is combined, in bytes: of an incremental file that is the
 * length that it names, not its own size. Reads the heads of the incremental files. WAL that the backup brings along is not counted.
 */
export async function restoredSizeBytes(dataDirectory: string, blockSize: number): Promise<number> {
  const text = await readTextFile(join(dataDirectory, 'backup_manifest'));
  let total = 0;
  for (const { Path: path, Size: size } of manifestSchema.parse(JSON.parse(text)).Files) {
    const incremental = path !== undefined && /(^|\/)INCREMENTAL\.[^/]+$/.test(path);
    total += incremental ? (await readIncrementalFile(join(dataDirectory, path))).lengthBlocks * blockSize : size;
  }
  return total;
}

/** How large a chain becomes when it is combined, by its records; of earlier pgdrills' at most. WAL that is replayed is not counted. */
export function combinedBytes(chain: readonly BackupRecord[]): number {
  return chain.at(-1)?.restoredBytes ?? chain.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
