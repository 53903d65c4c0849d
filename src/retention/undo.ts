import { UsageError } from '../errors.js';
import { withHoldsLock } from '../repository/holds.js';
import { listBackups, type Repository } from '../repository/repository.js';
import { listArchivedWal } from './facts.js';
import { withoutWhatIsThere } from './not-deleted.js';
import { readState, writeState } from './state.js';

/**
 * Takes marks back: of these backups, or all. The marks of WAL always go with them. It waits for nobody: a backup or a deletion that is
 * under way does not keep it from its work, and what is not yet deleted then stays. After a crash in the middle of a deletion there are marks
 * of backups that are gone: those only vanish; and what it had not yet deleted of the WAL counts as there again.
 *
 * @returns the backups whose mark was taken back.
 * @throws UsageError for a backup that is not marked.
 */
export async function undoMarks(
  { repository, walDirectory }: { repository: Repository; walDirectory: string },
  ids: readonly string[],
  { now = new Date(), signal = new AbortController().signal }: { now?: Date; signal?: AbortSignal } = {},
): Promise<{ backups: string[]; walStretches: number }> {
  return await withHoldsLock(repository, 'pgdrill retention undo', signal, async () => {
    const backups = await listBackups(repository);
    const { files, segmentSizeBytes } = await listArchivedWal(walDirectory, backups);
    const { lastRunAt, ...state } = withoutWhatIsThere(await readState(repository), files, segmentSizeBytes);
    const there = new Set(backups.map(({ id }) => id));
    const marked = state.marks.map(({ backup }) => backup).filter((id) => there.has(id));
    const unmarked = ids.find((id) => !marked.includes(id));
    if (unmarked !== undefined) {
      throw new UsageError({
        what: `Backup ${unmarked} is not marked.`,
        means: 'It is kept anyway, was deleted, or never existed. Nothing was changed.',
        todo: marked.length === 0 ? 'No backup is marked.' : `Marked are: ${marked.join(', ')}.`,
      });
    }
    const goes = (id: string): boolean => ids.length === 0 || ids.includes(id);
    // A last run that lies ahead was made with a wrong clock; an older one still guards against a jump.
    const isAhead = lastRunAt !== undefined && Date.parse(lastRunAt) > now.getTime();
    await writeState(repository, {
      ...state,
      ...(lastRunAt === undefined || isAhead ? {} : { lastRunAt }),
      marks: state.marks.filter(({ backup }) => there.has(backup) && !goes(backup)),
      walMarks: [],
    });
    return { backups: marked.filter(goes), walStretches: state.walMarks.length };
  });
}
