import { RetentionRefusedError } from '../errors.js';
import { compareLsn } from '../postgres/lsn.js';
import type { WalArchive } from '../repository/wal-archive.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { anchorIndex, type Branch, isUsable, reachIn } from './branches.js';
import type { RetentionFacts } from './facts.js';
import type { RetentionPlan } from './plan.js';
import { minute } from '../schema/figures.js';
import { duration } from './text.js';

/** Clocks of two hosts may differ by this much. */
const skewMs = 5 * 60_000;

/**
 * Refuses where the clock cannot be right, or where nothing new has come for so long that what is old may be all there will ever be.
 *
 * @throws RetentionRefusedError.
 */
export function refuseWrongClock(
  facts: RetentionFacts,
  plan: Pick<RetentionPlan, 'backups' | 'wal'>,
  accepted: boolean,
): void {
  const { now, backups, wal, state, settings } = facts;
  const newest = latest(backups.map(({ finishedAt, id }) => ({ at: Date.parse(finishedAt), what: `backup ${id}` })));
  const newestWal = latest(wal.files.map(({ mtimeMs, name }) => ({ at: mtimeMs, what: `WAL file ${name}` })));
  const lastRun =
    state.lastRunAt === undefined ? [] : [{ at: Date.parse(state.lastRunAt), what: 'the last run of retention' }];
  const ahead = [newest, newestWal, ...lastRun].find((each) => each !== undefined && each.at > now.getTime() + skewMs);
  if (ahead !== undefined) {
    throw new RetentionRefusedError({
      what: `The clock says ${minute(now)}, but ${ahead.what} is of ${minute(new Date(ahead.at))}.`,
      means: 'This clock is behind, or the other one was ahead: ages cannot be told. Nothing was marked or deleted.',
      todo: 'Set the clock of this host right (and of the one that wrote it). If only the last run’s clock was wrong: pgdrill retention undo.',
    });
  }
  if (accepted || !plans(plan)) return;
  const [last] = lastRun;
  if (last !== undefined && now.getTime() - last.at > settings.maxPauseMs) {
    throw new RetentionRefusedError({
      what: `The clock says ${minute(now)}, and the last run of retention was at ${minute(new Date(last.at))}: more than max_pause (${duration(settings.maxPauseMs)}) ago.`,
      means:
        'Either retention did not run for long, or the clock has jumped ahead, and everything looks too old. Nothing was marked or deleted.',
      todo: 'Look at the clock. If it is right: pgdrill retention apply CLUSTER --accept-clock',
    });
  }
  if (newest === undefined || now.getTime() - newest.at <= settings.maxPauseMs) return;
  throw new RetentionRefusedError({
    what: `Nothing is newer than ${newest.what} of ${minute(new Date(newest.at))}: no backup was taken within max_pause (${duration(settings.maxPauseMs)}).`,
    means:
      'Backups have stopped, or the clock has jumped ahead: what looks old may be the best there is. Nothing was marked or deleted.',
    todo: 'Find out why no backup is taken, and take one: pgdrill backup CLUSTER. If this is meant: pgdrill retention apply CLUSTER --accept-clock',
  });
}

function plans({ backups, wal }: Pick<RetentionPlan, 'backups' | 'wal'>): boolean {
  return [...backups, ...wal].some(({ fate }) => fate !== 'keep');
}

function latest(things: { at: number; what: string }[]): { at: number; what: string } | undefined {
  return things.reduce<{ at: number; what: string } | undefined>(
    (newest, each) => (newest === undefined || each.at > newest.at ? each : newest),
    undefined,
  );
}

/**
 * Refuses where no chain would be left that can be restored.
 *
 * @throws RetentionRefusedError.
 */
export function refuseNothingLeft({ backups }: RetentionFacts, plan: Pick<RetentionPlan, 'backups' | 'wal'>): void {
  if (!plans(plan)) return;
  const kept = new Set(plan.backups.filter(({ fate }) => fate === 'keep').map(({ id }) => id));
  const left = backups.filter(({ id }) => kept.has(id));
  if (left.some(({ id }) => isUsable(left, id))) return;
  const usable = backups.some(({ id }) => isUsable(backups, id));
  throw new RetentionRefusedError({
    what:
      backups.length === 0
        ? 'There is no backup in the repository, but WAL that seems to be needless.'
        : usable
          ? 'This would leave no chain that can be restored.'
          : `None of the ${backups.length} backups in the repository can be restored: each is unsafe, or a backup that it builds on is missing.`,
    means: 'After it, the cluster could not be restored from this repository at all. Nothing was marked or deleted.',
    todo: 'Look at pgdrill backups CLUSTER: are backups missing, such as on a disk that is not mounted? Take a full backup; then retention goes on.',
  });
}

/**
 * Looks at the outcome of a plan once more, with other code than the one that made it: what would be there once everything marked is gone.
 *
 * @throws RetentionRefusedError where a promise would be broken: an error in pgdrill, found before it does harm.
 */
export function refuseContradiction(
  facts: RetentionFacts,
  plan: Pick<RetentionPlan, 'windowStart' | 'backups' | 'wal'>,
  branches: readonly Branch[],
): void {
  const { backups, wal } = facts;
  const stays = new Set(plan.backups.filter(({ fate }) => fate === 'keep').map(({ id }) => id));
  const left = backups.filter(({ id }) => stays.has(id));
  for (const { id, parent } of left) {
    if (parent !== undefined && !stays.has(parent) && backups.some((each) => each.id === parent))
      throw contradiction(`${id} is kept, but ${parent}, which it builds on, is not`);
  }
  const archive = archiveOf(wal.archive, plan.wal);
  for (const branch of branches.filter(({ active }) => active)) {
    const floor = branch.backups[anchorIndex(branch, plan.windowStart)]?.endLsn;
    if (floor === undefined) continue;
    const promised = branch.backups.filter(({ endLsn }) => compareLsn(endLsn, floor) >= 0);
    const before = reached(promised, reachIn(wal.archive, branch.history));
    const after = reached(
      branch.backups.filter(({ id }) => stays.has(id)),
      reachIn(archive, branch.history),
    );
    const lost = before.find(
      ([from, to]) => !after.some(([first, last]) => compareLsn(first, from) <= 0 && compareLsn(to, last) <= 0),
    );
    if (lost !== undefined)
      throw contradiction(
        `on timeline ${branch.timeline}, ${lost[0]} to ${lost[1]} lies in the window and could not be restored any more`,
      );
  }
}

function archiveOf(archive: WalArchive, fates: RetentionPlan['wal']): WalArchive {
  const gone = new Set(
    fates.filter(({ fate }) => fate !== 'keep').map(({ file }) => `${file.timeline}/${file.segment}`),
  );
  return {
    ...archive,
    segments: new Map(
      [...archive.segments].map(([timeline, numbers]) => [
        timeline,
        new Set([...numbers].filter((number) => !gone.has(`${timeline}/${number}`))),
      ]),
    ),
  };
}

/** The stretches of WAL to whose every place a backup leads, joined. */
function reached(
  backups: readonly BackupRecord[],
  reach: (backup: BackupRecord) => string,
): [from: string, to: string][] {
  const stretches: [string, string][] = [];
  for (const backup of [...backups].sort((a, b) => compareLsn(a.endLsn, b.endLsn))) {
    const [from, to] = [backup.endLsn, reach(backup)];
    const last = stretches.at(-1);
    if (last !== undefined && compareLsn(from, last[1]) <= 0) last[1] = compareLsn(to, last[1]) > 0 ? to : last[1];
    else stretches.push([from, to]);
  }
  return stretches;
}

function contradiction(what: string): RetentionRefusedError {
  return new RetentionRefusedError({
    what: `The plan contradicts itself: ${what}.`,
    means: 'This is an error in pgdrill. Nothing was marked or deleted.',
    todo: 'Please report it, with the output of pgdrill retention plan CLUSTER --json and pgdrill backups CLUSTER --json.',
  });
}
