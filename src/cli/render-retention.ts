import { bytes } from '../schema/figures.js';
import type { BackupFate, Fate, RetentionResult, RetentionSummary, WalTally } from '../schema/retention.js';
import { minute } from '../retention/text.js';
import { renderTable } from './table.js';
import { colors } from './terminal.js';

/** What is kept and why, and what may go, for a terminal of 80 columns or more. */
export function renderSummary(summary: RetentionSummary, width = process.stdout.columns || 100): string {
  const { backups, wal, windowStart, reachesBackTo, warnings } = summary;
  const fixed = 26 + 2 + 9 + 2 + 7 + 2;
  const rows = backups.flatMap((backup) => rowsOf(backup, Math.max(20, width - fixed)));
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

function rowsOf({ id, sizeBytes, fate, reasons, due }: BackupFate, room: number): string[][] {
  const when = fate === 'mark' || fate === 'marked' ? [`goes from ${minute(due ?? '')} on`] : [];
  const lines = wrap([...reasons, ...when].join('; '), room);
  return lines.map((line, index) =>
    index === 0 ? [id, bytes(sizeBytes), paint[fate](fate), line] : ['', '', '', line],
  );
}

/** Lines no longer than the room, broken at spaces. */
function wrap(text: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
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
