import { bytes, minute } from '../schema/figures.js';
import type { BackupFate, Fate, RetentionResult, RetentionSummary, WalTally } from '../schema/retention.js';
import { renderTable } from './table.js';
import { colors } from './terminal.js';

/** What is kept and why, and what may go. */
export function renderSummary(summary: RetentionSummary): string {
  const { backups, wal, windowStart, reachesBackTo, warnings } = summary;
  const rows = backups.map(rowOf);
  const sizeOf = (fate: Fate): number =>
    backups.filter((each) => each.fate === fate).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const total = (fate: Fate): string =>
    `${count(backups.filter((each) => each.fate === fate).length, 'backup')} (${bytes(sizeOf(fate))}), ${ofWal(wal[fate])}`;
  return [
    rows.length === 0 ? 'No backups yet.' : renderTable(rows, ['BACKUP', 'SIZE', '', 'WHY']),
    '',
    `window   from ${minute(windowStart)}${reachesBackTo === undefined ? '' : `; the repository reaches back to ${minute(reachesBackTo)} only`}`,
    `keep     ${total('keep')}${wal.oldestKept === undefined ? '' : `, from ${wal.oldestKept} on`}`,
    `mark     ${total('mark')}`,
    `marked   ${total('marked')}`,
    `delete   ${total('delete')}`,
    ...warnings.map((warning) => `${colors.yellow('Warning')}: ${warning}`),
  ].join('\n');
}

const paint: Record<Fate, (text: string) => string> = {
  keep: colors.green,
  mark: colors.yellow,
  marked: colors.yellow,
  delete: colors.red,
};

function rowOf({ id, sizeBytes, fate, reasons, due }: BackupFate): string[] {
  const when = fate === 'mark' || fate === 'marked' ? [`goes from ${minute(due ?? '')} on`] : [];
  return [id, bytes(sizeBytes), paint[fate](fate), [...reasons, ...when].join('; ')];
}

export function renderResult(result: RetentionResult): string {
  const { deleted, walDeleted, marked, walMarked, freedBytes, kept, warnings } = result;
  return [
    ...deleted.map((backup) => `deleted ${backup.id} (${bytes(backup.bytes)})`),
    ...marked.map(({ id, due }) => `marked ${id}: goes from ${minute(due)} on`),
    `${bytes(freedBytes)} freed: ${count(deleted.length, 'backup')} and ${ofWal(walDeleted)}. Marked: ${count(marked.length, 'backup')}, ${ofWal(walMarked)}. Kept: ${count(kept, 'backup')}.`,
    ...warnings.map((warning) => `${colors.yellow('Warning')}: ${warning}`),
  ].join('\n');
}

function ofWal({ files, bytes: size }: WalTally): string {
  return `${count(files, 'WAL file')} (${bytes(size)})`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
