import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { BackupRecord } from '../schema/backup-record.js';
import type { Break, CopyContext } from './context.js';
import { backupOf } from './lasting-blocks.js';
import { nothingToBreak } from './nothing-to-break.js';
import { sealManifest } from './seal.js';

/** A bit of one link's manifest. Sealed: the record was written of the broken manifest. */
export const manifestBit =
  (sealed: boolean): Break<CopyContext> =>
  async (context) => {
    const { expendable, chance } = context;
    const link = chance.pick(context.chain) ?? { id: '' };
    const backup = backupOf(context, link);
    const path = join(backup, 'data', 'backup_manifest');
    const { size } = await stat(path);
    const offset = chance.integer(size);
    // The highest bit would make the text unreadable at once; a digit that became another is harder to see.
    await expendable.flipBit(path, offset, 0);
    if (sealed) await sealManifest(expendable, backup);
    return `bit 0 of byte ${offset} of the manifest of ${link.id}`;
  };

/** The manifest of another link of the chain. */
export const foreignManifest =
  (sealed: boolean): Break<CopyContext> =>
  async (context) => {
    const [first, last] = bothEnds(context, 'The chain is a lone full backup: there is no other manifest.');
    const backup = backupOf(context, last);
    const other = await readFile(join(backupOf(context, first), 'data', 'backup_manifest'));
    await context.expendable.replace(join(backup, 'data', 'backup_manifest'), other);
    if (sealed) await sealManifest(context.expendable, backup);
    return `the manifest of ${last.id} is that of ${first.id}`;
  };

/** The newest incremental holds the files of the one before. */
export const olderIncremental =
  (sealed: boolean): Break<CopyContext> =>
  async (context) => {
    const [older, last] = context.chain.slice(-2);
    if (older?.type !== 'incremental' || last === undefined) throw nothingToBreak('The chain has no two incrementals.');
    const backup = backupOf(context, last);
    await context.expendable.replaceTree(join(backup, 'data'), join(backupOf(context, older), 'data'));
    if (sealed) await sealManifest(context.expendable, backup);
    return `the files of ${last.id} are those of ${older.id}`;
  };

function bothEnds({ chain }: CopyContext, otherwise: string): [BackupRecord, BackupRecord] {
  const [first, last] = [chain[0], chain.at(-1)];
  if (first === undefined || last === undefined || first === last) throw nothingToBreak(otherwise);
  return [first, last];
}
