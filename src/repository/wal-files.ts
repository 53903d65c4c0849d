import { readdir } from 'node:fs/promises';

import { codeOf } from '../errors.js';
import { parseSegmentName } from '../postgres/wal-segment.js';

/** How a finished segment may be compressed, by the suffix of its file. */
export const compressionOf = { gz: 'gzip', lz4: 'lz4', zst: 'zstd' } as const;
export type Compression = (typeof compressionOf)[keyof typeof compressionOf];

/**
 * Each method's program: all three take `-dc FILE` (to standard output) and `-c`. pg_receivewal names its own files the same way (`.gz`,
 * `.lz4`) and takes such files for finished segments (PostgreSQL manual, "pg_receivewal").
 */
export const suffixOf: Readonly<Record<Compression, keyof typeof compressionOf>> = {
  gzip: 'gz',
  lz4: 'lz4',
  zstd: 'zst',
};

/** One segment in a WAL archive, in whichever form it lies there. */
export interface WalFile {
  /** The file's name. */
  name: string;
  /** The segment's name: what `%f` of a restore_command is. */
  segment: string;
  timeline: number;
  /** Counts segments from the beginning of WAL. */
  number: bigint;
  /**
   * `plain`: whole, as the server writes it. `partial`: still being received (`.partial`), whole in length, valid up to some record. Else
   * compressed.
   */
  form: 'plain' | 'partial' | Compression;
}

const walFile = /^([0-9A-F]{24})(?:\.(gz|lz4|zst|partial))?$/;

/** @returns undefined for what is no segment (history files, temporary files), and for unfinished compressed ones (`.gz.partial`). */
export function parseWalFileName(name: string, segmentSizeBytes: number): WalFile | undefined {
  const [, segment, suffix] = walFile.exec(name) ?? [];
  if (segment === undefined) return undefined;
  const parsed = parseSegmentName(segment, segmentSizeBytes);
  if (parsed === undefined) return undefined;
  const form =
    suffix === undefined
      ? 'plain'
      : suffix === 'partial'
        ? 'partial'
        : compressionOf[suffix as keyof typeof compressionOf];
  return { name, segment, ...parsed, form };
}

/** The better of two forms of one segment: whole before partial, plain before compressed. */
export function better(a: WalFile | undefined, b: WalFile): WalFile {
  const rank = { plain: 0, gzip: 1, lz4: 1, zstd: 1, partial: 2 };
  return a === undefined || rank[b.form] < rank[a.form] ? b : a;
}

/**
 * All segments that an archive directory holds, each once, in the best form that is there. The one way to see what an archive holds: it
 * knows compressed and partial segments. A missing directory is an empty archive.
 *
 * @returns by the segment's name.
 */
export async function listWalFiles(directory: string, segmentSizeBytes: number): Promise<Map<string, WalFile>> {
  const files = new Map<string, WalFile>();
  let names: string[] = [];
  try {
    names = await readdir(directory);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
  }
  for (const name of names) {
    const file = parseWalFileName(name, segmentSizeBytes);
    if (file !== undefined) files.set(file.segment, better(files.get(file.segment), file));
  }
  return files;
}
