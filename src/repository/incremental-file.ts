import { type FileHandle, open } from 'node:fs/promises';
import { endianness } from 'node:os';

import { codeOf, RepositoryError } from '../errors.js';
import { namingFile } from '../files/durable.js';

/** PostgreSQL source, basebackup_incremental.h: INCREMENTAL_MAGIC, in the byte order of the server's machine. */
const magic = 0xd3ae1f0d;
const headerBytes = 12;

/** The head of an `INCREMENTAL.*` file: which blocks of one segment of a relation fork it holds. */
export interface IncrementalFile {
  /** In the order of their contents in the file; numbers count from the segment's first block. */
  blocks: ReadonlySet<number>;
  /** "truncation block length": blocks below it that the file does not hold come from an older backup. */
  lengthBlocks: number;
}

/**
 * Reads the head of an incremental file (PostgreSQL source, reconstruct.c, make_incremental_rfile).
 *
 * @throws RepositoryError when it is missing or no incremental file.
 */
export async function readIncrementalFile(path: string): Promise<IncrementalFile> {
  return await onExisting(path, async (file) => {
    const head = Buffer.alloc(headerBytes);
    await file.read(head, 0, headerBytes, 0);
    const [found, count, lengthBlocks] = uint32s(head);
    if (found !== magic || count === undefined || lengthBlocks === undefined) throw damaged(path);
    if (headerBytes + count * 4 > (await file.stat()).size) throw damaged(path);
    const list = Buffer.alloc(count * 4);
    await file.read(list, 0, list.length, headerBytes);
    return { blocks: new Set(uint32s(list)), lengthBlocks };
  });
}

/** Where the content of a block begins in an incremental file: behind its head, which is padded to whole blocks. */
export function offsetInIncremental(file: IncrementalFile, block: number, blockSize: number): number {
  const head = Math.ceil((headerBytes + file.blocks.size * 4) / blockSize) * blockSize;
  return head + [...file.blocks].indexOf(block) * blockSize;
}

/** One block of a file. What lies beyond its end reads as zeroes. */
export async function readBlock(path: string, offset: number, blockSize: number): Promise<Buffer> {
  return await onExisting(path, async (file) => {
    const block = Buffer.alloc(blockSize);
    await file.read(block, 0, blockSize, offset);
    return block;
  });
}

function uint32s(buffer: Buffer): number[] {
  const read = (at: number): number => (endianness() === 'LE' ? buffer.readUInt32LE(at) : buffer.readUInt32BE(at));
  return Array.from({ length: buffer.length / 4 }, (_, index) => read(index * 4));
}

async function onExisting<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? damaged(path, error) : error;
  });
  try {
    return await namingFile(path, () => work(file));
  } finally {
    await file.close();
  }
}

function damaged(path: string, cause?: unknown): RepositoryError {
  return new RepositoryError(
    {
      what: `${path} is ${cause === undefined ? 'not an incremental file as PostgreSQL writes it' : 'missing, though the manifest lists it'}.`,
      means: 'The backup that it belongs to is damaged and must not be restored.',
      todo: 'Take a new full backup now, and find out what changed the files (disk, people, programs).',
    },
    { cause },
  );
}
