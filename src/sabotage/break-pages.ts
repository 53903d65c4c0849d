import { join } from 'node:path';

import { withPageChecksum } from '../postgres/page.js';
import { aliveIn, blockBytes, blocksOf, findLastingRow, mostPagesATable, readPage } from './choose-row.js';
import type { Break, CopyContext } from './context.js';
import { itemsOf } from './heap-page.js';
import { backupOf, lastingBlocks } from './lasting-blocks.js';
import { nothingToBreak } from './nothing-to-break.js';
import { sealFile } from './seal.js';
import { listSourceTables } from './source-tables.js';

/** The place of one bit in a file of a backup. */
interface Place {
  backup: string;
  file: string;
  block: number;
  /** Within the page. */
  offset: number;
  bit: number;
  /** Whose file it is, for people. */
  of: string;
}

/** Turns the bit over. Sealed: every checksum that could tell is made anew. */
async function flip({ expendable }: CopyContext, place: Place, sealed: boolean): Promise<string> {
  const { backup, file, block, offset, bit, of } = place;
  const path = join(backup, 'data', file);
  if (sealed) {
    const turn = (page: Buffer): Buffer => {
      page.writeUInt8((page[offset] ?? 0) ^ (1 << bit), offset);
      return withPageChecksum(page, block);
    };
    await expendable.overwrite(path, block * blockBytes, turn, blockBytes);
    await sealFile(expendable, backup, file);
  } else await expendable.flipBit(path, block * blockBytes + offset, bit);
  return `bit ${bit} of byte ${block * blockBytes + offset} (page ${block}) of ${file}, ${of}`;
}

/**
 * A bit of a row. The row's last byte is content of its last column that is not null: bytes in between may be padding, which nobody reads.
 * Its lowest bit tells in every type that a plain table is made of, also where a byte is no more than true or false.
 */
export const heapBit =
  (sealed: boolean): Break<CopyContext> =>
  async (context) => {
    const place = await findLastingRow(context, ({ table, heap, backup, block, item }): Place | undefined =>
      table.plain
        ? {
            backup,
            file: heap.file,
            block,
            offset: item.offset + item.length - 1,
            bit: 0,
            of: `table ${table.name}, row (${block},${item.number})`,
          }
        : undefined,
    );
    if (place === undefined)
      throw nothingToBreak('No row of any plain table stays as it is from the full backup to the target.');
    return await flip(context, place, sealed);
  };

/** PostgreSQL source, nbtree.h, at the end of a page: BTPageOpaqueData. */
const leaf = { specialBytes: 16, nextAt: -12, flagsAt: -4, isLeaf: 0x01, isUseless: 0x04 | 0x08 | 0x10 };
/** PostgreSQL source, nbtree.h: the tuple is a list of several rows, or a boundary. */
const alternativeTid = 0x2000;

/**
 * The lowest bit of the row number in an index entry: afterwards the row that it led to has no entry. Only entries of rows that are alive
 * will do.
 */
export const indexBit =
  (sealed: boolean): Break<CopyContext> =>
  async (context) => {
    const { chance } = context;
    const lasting = lastingBlocks(context);
    const isAlive = await aliveIn(context);
    const backup = backupOf(context, context.chain[0] ?? { id: '' });
    for (const table of chance.shuffle(await listSourceTables(context.source, context.signal))) {
      const heap = await lasting(table.path, 'main');
      if (heap === undefined) continue;
      const rows = new Set(heap.blocks);
      for (const index of chance.shuffle(table.indexes)) {
        const file = await lasting(index.path, 'main');
        const leaves = chance.shuffle(file?.blocks.filter((block) => block > 0 && block < index.blocks) ?? []);
        for (const block of leaves.slice(0, mostPagesATable)) {
          context.signal.throwIfAborted();
          for (const entry of chance.shuffle(
            entriesOf(await readPage(join(backup, 'data', file?.file ?? ''), block)),
          )) {
            if (!rows.has(entry.block)) continue;
            const page = await readPage(join(backup, 'data', heap.file), entry.block);
            const item = itemsOf(page).find(({ number }) => number === entry.number);
            if (item === undefined || !(await isAlive(page, item))) continue;
            const of = `index ${index.name}, the entry of row (${entry.block},${entry.number}) of table ${table.name}`;
            return await flip(
              context,
              { backup, file: file?.file ?? '', block, offset: entry.offset + 4, bit: 0, of },
              sealed,
            );
          }
        }
      }
    }
    throw nothingToBreak('No index entry stays as it is from the full backup to the target.');
  };

/** The entries of a leaf page that lead to one row each; none on other pages. */
function entriesOf(page: Buffer): { offset: number; block: number; number: number }[] {
  const flags = page.readUInt16LE(blockBytes + leaf.flagsAt);
  if (page.readUInt16LE(16) !== blockBytes - leaf.specialBytes) return [];
  if ((flags & leaf.isLeaf) === 0 || (flags & leaf.isUseless) !== 0) return [];
  const isRightmost = page.readUInt32LE(blockBytes + leaf.nextAt) === 0;
  return (
    itemsOf(page)
      // Elsewhere than on the rightmost page the first item is the page's upper boundary.
      .filter(
        ({ number, offset }) => (isRightmost || number > 1) && (page.readUInt16LE(offset + 6) & alternativeTid) === 0,
      )
      .map(({ offset }) => ({
        offset,
        block: page.readUInt16LE(offset) * 0x1_0000 + page.readUInt16LE(offset + 2),
        number: page.readUInt16LE(offset + 4),
      }))
      // 1 would become 0, which is no row's number.
      .filter(({ number }) => number > 1)
  );
}

/** PostgreSQL source, visibilitymap.c: two bits a heap page behind the page's header. */
const mapHeaderBytes = 24;
const heapPagesAMapPage = (blockBytes - mapHeaderBytes) * 4;

/** A bit of a visibility map beyond the end of its table: whatever is set there is a lie that waits for the table to grow. */
export const visibilityMapBit =
  (sealed: boolean): Break<CopyContext> =>
  async (context) => {
    const lasting = lastingBlocks(context);
    const backup = backupOf(context, context.chain[0] ?? { id: '' });
    for (const table of context.chance.shuffle(await listSourceTables(context.source, context.signal))) {
      // Room for the table to grow on the way to the target.
      if (table.blocks > heapPagesAMapPage / 2) continue;
      const map = await lasting(table.path, 'vm');
      if (map?.blocks.includes(0) !== true || (await blocksOf(join(backup, 'data', map.file))) === 0) continue;
      const of = `visibility map of table ${table.name}`;
      return await flip(context, { backup, file: map.file, block: 0, offset: blockBytes - 1, bit: 0, of }, sealed);
    }
    throw nothingToBreak('No table has a visibility map that stays as it is from the full backup to the target.');
  };
