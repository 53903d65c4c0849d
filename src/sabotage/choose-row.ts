import { open } from 'node:fs/promises';
import { join } from 'node:path';

import { listTransactionEnds } from '../postgres/transaction-ends.js';
import { readTimelineHistory, spansBetween } from '../postgres/timeline.js';
import { commitLogOf } from './commit-log.js';
import type { CopyContext } from './context.js';
import { itemsOf, type LinePointer, type TupleHead, tupleHead } from './heap-page.js';
import { backupOf, lastingBlocks, type LastingFile } from './lasting-blocks.js';
import { listSourceTables, type SourceTable } from './source-tables.js';

export const blockBytes = 8192;

/** Enough tries to find a row that lasts; a table in which none of so many pages has one is passed by. */
export const mostPagesATable = 200;

/** A row in the chain's full backup that is still there, unchanged, when the restore is done. */
export interface LastingRow {
  table: SourceTable;
  heap: LastingFile;
  /** The backup's directory. */
  backup: string;
  block: number;
  item: LinePointer;
  head: TupleHead;
}

/**
 * Looks for rows whose loss or change a comparison with the source must show: committed, not deleted, on a page that nothing writes
 * again on the way to the target.
 *
 * @param accept what more a row has to be; its answer is the result.
 * @returns undefined where no table has such a row.
 */
export async function findLastingRow<T>(
  context: CopyContext,
  accept: (row: LastingRow) => T | undefined | Promise<T | undefined>,
  order: 'anywhere' | 'last page' = 'anywhere',
): Promise<T | undefined> {
  const lasting = lastingBlocks(context);
  const isAlive = await aliveIn(context);
  const backup = backupOf(context, context.chain[0] ?? { id: '' });
  for (const table of context.chance.shuffle(await listSourceTables(context.source, context.signal))) {
    const heap = await lasting(table.path, 'main');
    if (heap === undefined) continue;
    const usable = heap.blocks.filter((block) => block < table.blocks);
    const end = await blocksOf(join(backup, 'data', heap.file));
    const blocks = order === 'last page' ? usable.filter((block) => block === end - 1) : context.chance.shuffle(usable);
    for (const block of blocks.slice(0, mostPagesATable)) {
      context.signal.throwIfAborted();
      const page = await readPage(join(backup, 'data', heap.file), block);
      for (const item of context.chance.shuffle(itemsOf(page))) {
        if (!(await isAlive(page, item))) continue;
        const accepted = await accept({ table, heap, backup, block, item, head: tupleHead(page, item) });
        if (accepted !== undefined) return accepted;
      }
    }
  }
  return undefined;
}

/** Whether the restored server shows a row of the full backup to everybody, as far as the row's page and pg_xact tell. */
export async function aliveIn(context: CopyContext): Promise<(page: Buffer, item: LinePointer) => Promise<boolean>> {
  const isCommitted = await committedBeforeReplay(context);
  return async (page, item) => {
    const { untouched, hinted, xmin } = tupleHead(page, item);
    return untouched && (hinted || (await isCommitted(xmin)));
  };
}

/** Whether the restored server calls a transaction committed without having to replay its end. */
async function committedBeforeReplay(context: CopyContext): Promise<(xid: number) => Promise<boolean>> {
  const last = context.chain.at(-1);
  if (last === undefined) throw new RangeError('an empty chain');
  const { walDirectory, plan, signal } = context;
  const replayed = new Set<number>();
  const history = (await readTimelineHistory(walDirectory, plan.target.timeline)) ?? [{ timeline: last.timeline }];
  for (const span of spansBetween(history, plan.wal.from, plan.wal.to, last.walSegmentSizeBytes)) {
    await listTransactionEnds(
      context.tools,
      { walDirectory, segmentSizeBytes: last.walSegmentSizeBytes, ...span },
      {
        signal,
        allowNothing: true,
        onEnd: ({ xid, subxids }) => [xid, ...subxids].forEach((each) => replayed.add(each)),
      },
    );
  }
  const inBackup = commitLogOf(join(backupOf(context, last), 'data'));
  return async (xid) => !replayed.has(xid) && (await inBackup(xid));
}

export async function readPage(path: string, block: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const page = Buffer.alloc(blockBytes);
    await file.read(page, 0, blockBytes, block * blockBytes);
    return page;
  } finally {
    await file.close();
  }
}

export async function blocksOf(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    return Math.floor((await file.stat()).size / blockBytes);
  } finally {
    await file.close();
  }
}
