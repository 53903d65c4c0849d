import type { IncrementalFile } from './incremental-file.js';
import type { OlderFiles } from './relation-files.js';

export interface WrongBlocks {
  /** Written since the relation was truncated, yet not in the backup: what they hold is lost. */
  lost: number[];
  /** Truncated away and never written since (so they are empty), yet an older backup's content comes back. */
  revived: number[];
}

/**
 * Which blocks pg_combinebackup would get wrong in one segment. It takes every block below the incremental file's length that this file
 * does not hold from the older backups, however often the relation was shorter in between (PostgreSQL source, reconstruct.c;
 * GetFileBackupMethod in basebackup_incremental.c says so wherever the limit block lies).
 *
 * @param limitBlocks the least length that the relation had since the parent's start, from the segment's first block; Infinity where
 *   it was never truncated.
 * @param isWritten whether a block was written since it was last truncated away, by the summaries in the order of the WAL.
 */
export function findWrongBlocks(
  file: IncrementalFile,
  older: OlderFiles,
  limitBlocks: number,
  isWritten: (block: number) => boolean,
): WrongBlocks {
  const wrong: WrongBlocks = { lost: [], revived: [] };
  for (let block = shortestLength(older, limitBlocks); block < file.lengthBlocks; block += 1) {
    if (file.blocks.has(block)) continue;
    if (block >= limitBlocks && isWritten(block)) wrong.lost.push(block);
    else if (comesBack(block, older, limitBlocks)) wrong.revived.push(block);
  }
  return wrong;
}

/** The least length that the segment had at any time since it was last copied whole: blocks below it cannot be wrong. */
export function shortestLength(older: OlderFiles, limitBlocks: number): number {
  const lengths = older.flatMap((each) => (each.kind === 'incremental' ? [each.lengthBlocks] : []));
  return Math.max(Math.min(limitBlocks, ...lengths), 0);
}

/** Whether some older backup gives the block content from before a time when the relation was too short to have it. */
function comesBack(block: number, older: OlderFiles, limitBlocks: number): boolean {
  let truncated = block >= limitBlocks;
  for (const each of older) {
    if (each.kind === 'full') return truncated && block < each.lengthBlocks;
    if (each.blocks.has(block)) return truncated;
    truncated ||= block >= each.lengthBlocks;
  }
  return false;
}
