import { type FileHandle, open, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { namingFile } from '../files/durable.js';
import { pageHeaderBytes } from '../postgres/page.js';
import { readIncrementalFile } from '../repository/incremental-file.js';
import { keyOfSegment, type RelationFiles, type SegmentId } from '../repository/relation-files.js';

export interface CombinedChain {
  /** Data directories of the chain, the full backup first. */
  chain: readonly string[];
  /** What pg_combinebackup made of them. */
  combined: string;
  blockSize: number;
  /** Blocks in one file of a relation. */
  segmentBlocks: number;
}

/** Where a segment lies after combining: the result has the files of the last backup, under their plain names. */
export function combinedPath(
  { chain, combined }: CombinedChain,
  lists: readonly RelationFiles[],
  id: SegmentId,
): string | undefined {
  const file = lists.at(-1)?.get(keyOfSegment(id));
  if (file === undefined) return undefined;
  return join(combined, relative(chain.at(-1) ?? '', file.path).replace('INCREMENTAL.', ''));
}

/** The heap that a visibility map belongs to, as it was combined. */
export class CombinedHeap {
  readonly #open = new Map<number, FileHandle>();

  private constructor(
    readonly lengthBlocks: number,
    private readonly request: CombinedChain,
    private readonly lists: readonly RelationFiles[],
    private readonly id: SegmentId,
  ) {}

  /** @param map any segment of the map. */
  static async of(request: CombinedChain, lists: readonly RelationFiles[], map: SegmentId): Promise<CombinedHeap> {
    const { segmentBlocks, blockSize } = request;
    let lengthBlocks = 0;
    for (let segment = 0; ; segment += 1) {
      const path = combinedPath(request, lists, { ...map, fork: 'main', segment });
      if (path === undefined) break;
      lengthBlocks = segment * segmentBlocks + Math.floor((await stat(path)).size / blockSize);
    }
    return new CombinedHeap(lengthBlocks, request, lists, map);
  }

  async close(): Promise<void> {
    for (const file of this.#open.values()) await file.close();
    this.#open.clear();
  }

  /** The page header of a block. */
  async head(block: number): Promise<Buffer> {
    const { blockSize, segmentBlocks } = this.request;
    const segment = Math.floor(block / segmentBlocks);
    const path = combinedPath(this.request, this.lists, { ...this.id, fork: 'main', segment }) ?? '';
    const file = this.#open.get(segment) ?? (await open(path, 'r'));
    this.#open.set(segment, file);
    const head = Buffer.alloc(pageHeaderBytes);
    await namingFile(path, () => file.read(head, 0, head.length, (block % segmentBlocks) * blockSize));
    return head;
  }

  /** The blocks in a range that the backups behind the one of index `origin` hold. */
  async writtenSince(origin: number, from: number, to: number): Promise<Set<number>> {
    const { segmentBlocks } = this.request;
    const written = new Set<number>();
    const add = (block: number): void => {
      if (block >= from && block < to) written.add(block);
    };
    for (const files of this.lists.slice(origin + 1)) {
      for (let segment = Math.floor(from / segmentBlocks); segment * segmentBlocks < to; segment += 1) {
        const file = files.get(keyOfSegment({ ...this.id, fork: 'main', segment }));
        const first = segment * segmentBlocks;
        if (file?.kind === 'incremental') {
          for (const block of (await readIncrementalFile(file.path)).blocks) add(first + block);
        } else if (file !== undefined) {
          // Sent whole: nothing says which of its pages changed.
          for (let block = Math.max(first, from); block < Math.min(first + segmentBlocks, to); block += 1) add(block);
        }
      }
    }
    return written;
  }
}
