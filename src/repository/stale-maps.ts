import { readIncrementalFile } from './incremental-file.js';
import {
  type ForkId,
  keyOfSegment,
  olderFilesOf,
  readOlderBlock,
  type RelationFiles,
  type SegmentId,
} from './relation-files.js';
import type { Truncation } from './wal-summaries.js';

/** A table whose visibility map would come out of the backup with bits beyond the table's end. */
export interface StaleMap {
  fork: ForkId;
  limitBlocks: number;
}

/** PostgreSQL source, visibilitymap.c: behind a page header of 24 bytes, two bits a heap page. */
const pageHeaderBytes = 24;
const heapBlocksPerByte = 4;

/**
 * When VACUUM truncates a table it clears the map's bits behind the new end, but logs the page only where checksums or wal_log_hints
 * are on (visibilitymap_prepare_truncate). Without, no summary names the page, so the incremental does not hold it, and the older
 * backup's bits come back.
 *
 * Looks at the very page that pg_combinebackup would use.
 */
export async function findStaleMaps(
  files: RelationFiles,
  older: readonly RelationFiles[],
  truncations: readonly Truncation[],
  sizes: { blockSize: number; segmentBlocks: number },
): Promise<StaleMap[]> {
  const heapBlocksPerPage = (sizes.blockSize - pageHeaderBytes) * heapBlocksPerByte;
  const stale: StaleMap[] = [];
  for (const { limitBlocks, ...fork } of truncations.filter((each) => each.fork === 'main')) {
    const within = limitBlocks % heapBlocksPerPage;
    if (within === 0) continue; // the map is cut between two pages: nothing is left to clear
    const page = Math.floor(limitBlocks / heapBlocksPerPage);
    const id: SegmentId = { ...fork, fork: 'vm', segment: Math.floor(page / sizes.segmentBlocks) };
    const block = page % sizes.segmentBlocks;
    const file = files.get(keyOfSegment(id));
    if (file?.kind !== 'incremental' || (await readIncrementalFile(file.path)).blocks.has(block)) continue;
    const old = await readOlderBlock(await olderFilesOf(id, older, sizes.blockSize), block, sizes.blockSize);
    if (old !== undefined && hasBitsFrom(old, within)) stale.push({ fork, limitBlocks });
  }
  return stale;
}

function hasBitsFrom(page: Buffer, heapBlock: number): boolean {
  const at = pageHeaderBytes + Math.floor(heapBlock / heapBlocksPerByte);
  const first = (page[at] ?? 0) >> ((heapBlock % heapBlocksPerByte) * 2);
  return first !== 0 || page.subarray(at + 1).some((byte) => byte !== 0);
}
