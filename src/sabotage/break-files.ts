import { join } from 'node:path';

import { blockBytes, findLastingRow } from './choose-row.js';
import type { Break, CopyContext } from './context.js';
import { nothingToBreak } from './nothing-to-break.js';
import { sealFile } from './seal.js';

/** The last page of a table's file, with at least one row on it. */
export const truncatedFile =
  (sealed: boolean): Break<CopyContext> =>
  async (context) => {
    const found = await findLastingRow(context, (row) => row, 'last page');
    if (found === undefined)
      throw nothingToBreak('No table’s last page stays as it is from the full backup to the target.');
    const { backup, heap, block, table } = found;
    await context.expendable.truncate(join(backup, 'data', heap.file), block * blockBytes);
    if (sealed) await sealFile(context.expendable, backup, heap.file);
    return `${heap.file}, table ${table.name}, ends after ${block} instead of ${block + 1} pages`;
  };

/** A table's whole file, with at least one row in it. */
export const deletedFile =
  (sealed: boolean): Break<CopyContext> =>
  async (context) => {
    const found = await findLastingRow(context, (row) => row);
    if (found === undefined) throw nothingToBreak('No table stays as it is from the full backup to the target.');
    const { backup, heap, table } = found;
    await context.expendable.remove(join(backup, 'data', heap.file));
    if (sealed) await sealFile(context.expendable, backup, heap.file);
    return `${heap.file}, table ${table.name}, is gone${sealed ? ', and the manifest does not know it' : ''}`;
  };
