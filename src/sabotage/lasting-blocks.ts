import { join } from 'node:path';

import { readTimelineHistory, spansBetween } from '../postgres/timeline.js';
import { dumpWal } from '../postgres/waldump.js';
import { readIncrementalFile } from '../repository/incremental-file.js';
import { type ForkId, listRelationFiles, type RelationFiles } from '../repository/relation-files.js';
import { keys } from '../repository/repository.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { CopyContext } from './context.js';

/** A file of the chain's full backup, and the blocks of it that the restored server gets to see as they are. */
export interface LastingFile {
  /** As the manifest names it, below `data`. */
  file: string;
  blocks: number[];
}

export function backupOf({ repository }: Pick<CopyContext, 'repository'>, { id }: Pick<BackupRecord, 'id'>): string {
  return join(repository, keys.backup(id));
}

/**
 * Finds where damage in the full backup lasts: blocks that no later link of the chain brings anew and no WAL record up to the target
 * touches. Damage elsewhere is mended by the restore itself, and nobody could see it.
 *
 * @param path of the fork's first file, below a data directory.
 * @param fork `vm` for the visibility map of that relation.
 */
export function lastingBlocks(
  context: CopyContext,
): (path: string, fork: 'main' | 'vm') => Promise<LastingFile | undefined> {
  let listed: Promise<RelationFiles[]> | undefined;
  // Each look reads the WAL through: once a file is enough.
  const known = new Map<string, Promise<LastingFile | undefined>>();
  return async (path, fork) => {
    listed ??= Promise.all(context.chain.map((link) => listRelationFiles(join(backupOf(context, link), 'data'))));
    const file = `${path}${fork === 'vm' ? '_vm' : ''}`;
    const found = known.get(file) ?? findLasting(context, await listed, file);
    known.set(file, found);
    return await found;
  };
}

async function findLasting(
  context: CopyContext,
  [full, ...later]: readonly RelationFiles[],
  file: string,
): Promise<LastingFile | undefined> {
  const path = join(backupOf(context, context.chain[0] ?? { id: '' }), 'data', file);
  const [key, held] = [...(full ?? [])].find(([, each]) => each.path === path) ?? [];
  if (key === undefined || held?.kind !== 'full') return undefined;
  let blocks = Array.from({ length: Math.floor(held.sizeBytes / 8192) }, (_, block) => block);
  for (const files of later) {
    const entry = files.get(key);
    if (entry?.kind !== 'incremental') return undefined; // it is there anew, or gone
    const { blocks: brought, lengthBlocks } = await readIncrementalFile(entry.path);
    blocks = blocks.filter((block) => block < lengthBlocks && !brought.has(block));
  }
  if (blocks.length === 0) return undefined;
  const touched = await blocksInWal(context, held.id);
  return { file, blocks: blocks.filter((block) => !touched.has(block)) };
}

async function blocksInWal(context: CopyContext, fork: ForkId): Promise<Set<number>> {
  const last = context.chain.at(-1);
  if (last === undefined) throw new RangeError('an empty chain');
  const { walDirectory, plan, signal } = context;
  const history = (await readTimelineHistory(walDirectory, plan.target.timeline)) ?? [{ timeline: last.timeline }];
  const blocks = new Set<number>();
  const relation = `${fork.tablespace}/${fork.database}/${fork.filenode}`;
  const reference = new RegExp(`rel ${relation}(?: fork (\\w+))? blk (\\d+)`, 'g');
  for (const span of spansBetween(history, plan.wal.from, plan.wal.to, last.walSegmentSizeBytes)) {
    const range = { walDirectory, segmentSizeBytes: last.walSegmentSizeBytes, ...span };
    await dumpWal(context.tools, range, [`--relation=${relation}`], {
      signal,
      allowNothing: true,
      onLine: (line) => {
        for (const [, name = 'main', block] of line.matchAll(reference))
          if (name === fork.fork) blocks.add(Number(block));
      },
    });
  }
  return blocks;
}
