import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { findLastingRow } from './choose-row.js';
import { type CommitPlace, placeOf } from './commit-log.js';
import type { Break, CopyContext } from './context.js';
import { backupOf } from './lasting-blocks.js';
import { nothingToBreak } from './nothing-to-break.js';
import { sealFile } from './seal.js';

/** Any bit of pg_xact in the chain's last link, where the restore takes it from. */
export const clogBit: Break<CopyContext> = async (context) => {
  const backup = backupOf(context, context.chain.at(-1) ?? { id: '' });
  const files = (await readdir(join(backup, 'data', 'pg_xact'))).sort();
  const file = join('pg_xact', context.chance.pick(files) ?? '');
  const { size } = await stat(join(backup, 'data', file));
  const [offset, bit] = [context.chance.integer(size), context.chance.integer(8)];
  await context.expendable.flipBit(join(backup, 'data', file), offset, bit);
  return `bit ${bit} of byte ${offset} of ${file}, which says what was committed`;
};

/**
 * The bit that calls a transaction committed, of one whose row does not say so itself (a hint bit would): the row vanishes. pg_xact has no
 * page checksums.
 */
export const clogBitSealed: Break<CopyContext> = async (context) => {
  const found = await findLastingRow(context, ({ table, block, item, head }) =>
    head.hinted
      ? undefined
      : { place: placeOf(head.xmin), xid: head.xmin, row: `(${block},${item.number}) of table ${table.name}` },
  );
  if (found === undefined)
    throw nothingToBreak('Every row of the full backup says itself that it was committed: pg_xact is not asked.');
  const { place, xid, row } = found;
  const backup = backupOf(context, context.chain.at(-1) ?? { id: '' });
  await flipIn(context, backup, place);
  await sealFile(context.expendable, backup, place.file);
  return `bit ${place.bit} of byte ${place.offset} of ${place.file}: transaction ${xid}, which wrote row ${row}, is not committed any more`;
};

async function flipIn({ expendable }: CopyContext, backup: string, { file, offset, bit }: CommitPlace): Promise<void> {
  await expendable.flipBit(join(backup, 'data', file), offset, bit);
}
