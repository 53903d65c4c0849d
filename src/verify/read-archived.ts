import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { unpack, withScratch } from '../repository/wal-window.js';
import type { ArchivedFile } from './archive-files.js';

/** Given the WAL of a file, piece by piece; false ends the reading. */
export type TakeWal = (chunk: Buffer) => boolean | Promise<boolean>;

/**
 * Reads the WAL that a file of the archive holds, unpacked, from its beginning.
 *
 * @throws ToolchainError where it is compressed and the program is missing; RepositoryError where it cannot be unpacked.
 */
export async function readArchived(
  directory: string,
  { name, compression }: Pick<ArchivedFile, 'name' | 'compression'>,
  signal: AbortSignal,
  take: TakeWal,
  pieceBytes = 262_144,
): Promise<void> {
  const path = join(directory, name);
  if (compression === 'none' || compression === 'gzip') {
    await readFrom(path, compression === 'gzip', take, pieceBytes);
    return;
  }
  await withScratch(async (scratch) => {
    const plain = join(scratch, 'segment');
    await unpack([{ compression, source: path, target: plain }], signal);
    await readFrom(plain, false, take, pieceBytes);
  });
}

async function readFrom(path: string, zipped: boolean, take: TakeWal, pieceBytes: number): Promise<void> {
  const raw = createReadStream(path, { highWaterMark: pieceBytes });
  // `pipeline` hands an error of the file on to whoever reads the unpacked stream.
  const stream: Readable = zipped ? pipeline(raw, createGunzip(), () => undefined) : raw;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) if (!(await take(chunk))) return;
  } finally {
    stream.destroy();
    raw.destroy();
  }
}

/** The whole WAL of a file, or its first bytes. */
export async function readWhole(
  directory: string,
  file: Pick<ArchivedFile, 'name' | 'compression'>,
  signal: AbortSignal,
  bytes: number,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  await readArchived(directory, file, signal, (chunk) => {
    chunks.push(chunk);
    length += chunk.length;
    return length < bytes;
  });
  return Buffer.concat(chunks).subarray(0, bytes);
}
