import { open } from 'node:fs/promises';
import { endianness } from 'node:os';

import { namingFile } from '../files/durable.js';
import { lsnToBigInt } from '../postgres/lsn.js';
import { isAllVisible, pageHeaderBytes, pageLsn, setPageChecksum } from '../postgres/page.js';
import { readIncrementalFile } from '../repository/incremental-file.js';
import { listRelationFiles, type RelationFiles, type SegmentId } from '../repository/relation-files.js';
import type { MendedMap } from '../schema/mended-map.js';
import { CombinedHeap, combinedPath } from './combined-heap.js';

export interface MendRequest {
  /** Data directories of the chain, the full backup first. */
  chain: readonly string[];
  /** What pg_combinebackup made of them. Files below it are changed. */
  combined: string;
  /** Where the last backup began: what changed behind is mended by replay. */
  startLsn: string;
  blockSize: number;
  /** Blocks in one file of a relation. */
  segmentBlocks: number;
  checksums: boolean;
  signal: AbortSignal;
  /** Told of every file that is changed, by its path in `combined`. */
  onChanged?: (path: string) => void;
}

/** visibilitymap.c: two bits a heap page, all-visible and all-frozen. */
const [visibleBit, frozenBit, heapBlocksPerByte] = [1, 2, 4];

/**
 * Clears bits of visibility maps that stock incremental backups bring back from an older backup (docs/postgresql-incremental-faults.md,
 * "Visibility map"): there VACUUM truncates a table, or (before 17.11 and 18.6) any UPDATE or DELETE makes a page visible no more,
 * without a WAL record that names the page of the map. Left alone, index-only scans return deleted rows.
 *
 * Wrong can only be a page of a map that the last backup does not hold itself, and in it the bits of heap pages that were written since
 * the backup that it comes from, or that lie beyond the heap's end. A heap page says itself whether it is all-visible. Clearing a bit
 * is always safe: it costs a look at the heap, and VACUUM sets it again. That must happen here, before replay: afterwards the
 * table may have grown over the wrong bits, and only reading the whole table would find them.
 *
 * Idempotent. Reads the heads of the incremental files, the pages of maps in question and 24 bytes of each heap page in question.
 *
 * @returns the maps with bits that were wrong for certain. Bits that replay would have cleared, or that may only have been wrong
 *   (all-frozen, on a page that is all-visible), are cleared without a word.
 */
export async function mendVisibilityMaps(request: MendRequest): Promise<MendedMap[]> {
  // The bytes of a page would have to be read the other way round; nobody has tried.
  if (request.chain.length < 2 || endianness() !== 'LE') return [];
  const lists: RelationFiles[] = [];
  for (const directory of request.chain) lists.push(await listRelationFiles(directory));
  const mended: MendedMap[] = [];
  for (const [key, file] of lists.at(-1) ?? []) {
    request.signal.throwIfAborted();
    // A map that was sent whole is the source's own.
    if (file.id.fork !== 'vm' || file.kind !== 'incremental') continue;
    const heap = await CombinedHeap.of(request, lists, file.id);
    const wrong = await namingFile(combinedPath(request, lists, file.id) ?? '', () =>
      mendSegment(request, lists, file.id, key, heap),
    ).finally(() => heap.close());
    if (wrong.beyond + wrong.within === 0) continue;
    const { tablespace, database, filenode } = file.id;
    const known = mended.find(
      (each) => each.filenode === filenode && each.database === database && each.tablespace === tablespace,
    );
    if (known === undefined) mended.push({ tablespace, database, filenode, ...wrong });
    else Object.assign(known, { beyond: known.beyond + wrong.beyond, within: known.within + wrong.within });
  }
  return mended;
}

type Wrong = Pick<MendedMap, 'beyond' | 'within'>;

async function mendSegment(
  request: MendRequest,
  lists: readonly RelationFiles[],
  id: SegmentId,
  key: string,
  heap: CombinedHeap,
): Promise<Wrong> {
  const { blockSize, segmentBlocks } = request;
  const held = await Promise.all(
    lists.map(async (files) => {
      const file = files.get(key);
      return file?.kind === 'incremental' ? (await readIncrementalFile(file.path)).blocks : file?.kind;
    }),
  );
  const total: Wrong = { beyond: 0, within: 0 };
  const map = await open(combinedPath(request, lists, id) ?? '', 'r+');
  try {
    const pages = Math.floor((await map.stat()).size / blockSize);
    let written = false;
    for (let page = 0; page < pages; page += 1) {
      const origin = held.findLastIndex((blocks) => blocks === 'full' || (blocks instanceof Set && blocks.has(page)));
      if (origin === lists.length - 1) continue;
      const bytes = Buffer.alloc(blockSize);
      await map.read(bytes, 0, blockSize, page * blockSize);
      const number = id.segment * segmentBlocks + page;
      const { changed, beyond, within } = await clearWrongBits(bytes, number, heap, Math.max(origin, 0), request);
      if (!changed) continue;
      if (request.checksums) setPageChecksum(bytes, number);
      await map.write(bytes, 0, blockSize, page * blockSize);
      written = true;
      total.beyond += beyond;
      total.within += within;
    }
    if (written) {
      await map.sync();
      request.onChanged?.(combinedPath(request, lists, id) ?? '');
    }
  } finally {
    await map.close();
  }
  return total;
}

async function clearWrongBits(
  map: Buffer,
  number: number,
  heap: CombinedHeap,
  origin: number,
  { blockSize, startLsn }: MendRequest,
): Promise<Wrong & { changed: boolean }> {
  const perPage = (blockSize - pageHeaderBytes) * heapBlocksPerByte;
  const first = number * perPage;
  const result = { beyond: 0, within: 0, changed: false };
  if (map.subarray(pageHeaderBytes).every((byte) => byte === 0)) return result;
  const bitsOf = (block: number): { at: number; shift: number; bits: number } => {
    const at = pageHeaderBytes + Math.floor((block - first) / heapBlocksPerByte);
    const shift = ((block - first) % heapBlocksPerByte) * 2;
    return { at, shift, bits: ((map[at] ?? 0) >> shift) & (visibleBit | frozenBit) };
  };
  const clear = (block: number, which: number): void => {
    const { at, shift } = bitsOf(block);
    map[at] = (map[at] ?? 0) & ~(which << shift);
    result.changed = true;
  };
  for (let block = Math.max(first, heap.lengthBlocks); block < first + perPage; block += 1) {
    if (bitsOf(block).bits === 0) continue;
    clear(block, visibleBit | frozenBit);
    result.beyond += 1;
  }
  for (const block of await heap.writtenSince(origin, first, Math.min(first + perPage, heap.lengthBlocks))) {
    const { bits } = bitsOf(block);
    if (bits === 0) continue;
    const head = await heap.head(block);
    if (isAllVisible(head)) {
      if ((bits & frozenBit) !== 0) clear(block, frozenBit);
      continue;
    }
    clear(block, visibleBit | frozenBit);
    if (pageLsn(head) <= lsnToBigInt(startLsn)) result.within += 1;
  }
  return result;
}
