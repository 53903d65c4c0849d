import { join } from 'node:path';

import { z } from 'zod';

import { readTextFile } from '../files/durable.js';
import { type IncrementalFile, offsetInIncremental, readBlock, readIncrementalFile } from './incremental-file.js';

/** A relation fork by what its files are called; oids as numbers. */
export interface ForkId {
  tablespace: number;
  /** 0 for the relations that all databases share. */
  database: number;
  filenode: number;
  fork: 'main' | 'vm' | 'init';
}

/** One file of a relation fork: its segment of (mostly) 1 GB. */
export interface SegmentId extends ForkId {
  segment: number;
}

/** What a backup holds of one segment. */
export type SegmentFile = { kind: 'full'; path: string; sizeBytes: number } | { kind: 'incremental'; path: string };

/** The relation files of a backup by segment, as its manifest lists them. Free space maps are not among them: they are always copied whole. */
export type RelationFiles = ReadonlyMap<string, SegmentFile & { id: SegmentId }>;

const manifestSchema = z.object({ Files: z.array(z.object({ Path: z.string().optional(), Size: z.number() })) });

// PostgreSQL source, relpath.c and GetIncrementalFilePath: pg_global is 1664, pg_default 1663.
const relationFile =
  /^(?:(global)|base\/(\d+)|pg_tblspc\/(\d+)\/[^/]+\/(\d+))\/(INCREMENTAL\.)?(\d+)(?:_(vm|init))?(?:\.(\d+))?$/;

/** Lists the relation files of a data directory as pg_basebackup wrote it. */
export async function listRelationFiles(dataDirectory: string): Promise<RelationFiles> {
  const text = await readTextFile(join(dataDirectory, 'backup_manifest'));
  const files = new Map<string, SegmentFile & { id: SegmentId }>();
  for (const { Path: name, Size: sizeBytes } of manifestSchema.parse(JSON.parse(text)).Files) {
    const parsed = name === undefined ? undefined : relationFileOf(name);
    if (parsed === undefined || name === undefined) continue;
    const { id, incremental } = parsed;
    const path = join(dataDirectory, name);
    files.set(keyOfSegment(id), {
      id,
      ...(incremental ? { kind: 'incremental', path } : { kind: 'full', path, sizeBytes }),
    });
  }
  return files;
}

/** Which segment of which fork a file below a data directory holds; undefined where it is no relation's. */
export function parseRelationFile(path: string): SegmentId | undefined {
  return relationFileOf(path)?.id;
}

function relationFileOf(path: string): { id: SegmentId; incremental: boolean } | undefined {
  const match = relationFile.exec(path);
  if (match === null) return undefined;
  const [, global, base, tablespace, database, incremental, filenode, fork, segment] = match;
  return {
    id: {
      tablespace: global !== undefined ? 1664 : Number(tablespace ?? 1663),
      database: global !== undefined ? 0 : Number(base ?? database),
      filenode: Number(filenode),
      fork: fork === 'vm' || fork === 'init' ? fork : 'main',
      segment: Number(segment ?? 0),
    },
    incremental: incremental !== undefined,
  };
}

export function keyOfFork({ tablespace, database, filenode, fork }: ForkId): string {
  return `${tablespace}/${database}/${filenode}/${fork}`;
}

export function keyOfSegment(id: SegmentId): string {
  return `${keyOfFork(id)}/${id.segment}`;
}

/** What the older backups of a chain hold of one segment, newest first, down to the one that holds it whole. */
export type OlderFiles = readonly (
  { kind: 'full'; path: string; lengthBlocks: number } | ({ kind: 'incremental'; path: string } & IncrementalFile)
)[];

export async function olderFilesOf(
  id: SegmentId,
  newestFirst: readonly RelationFiles[],
  blockSize: number,
): Promise<OlderFiles> {
  const older: OlderFiles[number][] = [];
  for (const files of newestFirst) {
    const file = files.get(keyOfSegment(id));
    if (file === undefined) break;
    const { path } = file;
    if (file.kind === 'full') {
      older.push({ kind: 'full', path, lengthBlocks: Math.floor(file.sizeBytes / blockSize) });
      break;
    }
    older.push({ kind: 'incremental', path, ...(await readIncrementalFile(path)) });
  }
  return older;
}

/** The block that pg_combinebackup would take from the older backups; undefined where none has it, which makes it empty. */
export async function readOlderBlock(older: OlderFiles, block: number, blockSize: number): Promise<Buffer | undefined> {
  for (const each of older) {
    if (each.kind === 'full')
      return block < each.lengthBlocks ? await readBlock(each.path, block * blockSize, blockSize) : undefined;
    if (each.blocks.has(block))
      return await readBlock(each.path, offsetInIncremental(each, block, blockSize), blockSize);
  }
  return undefined;
}
