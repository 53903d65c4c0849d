import { compareLsn } from '../postgres/lsn.js';
import type { TimelineSpan } from '../postgres/timeline.js';
import { segmentNumberOf } from '../postgres/wal-segment.js';
import { chainOf } from '../repository/chains.js';
import { continuityFrom, type WalArchive } from '../repository/wal-archive.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { RetentionFacts } from './facts.js';

/** One line of timelines that a restore can follow to its end: what it holds, and what can be reached on it. */
export interface Branch {
  timeline: number;
  history: readonly TimelineSpan[];
  /** Usable backups that lie on it, by their end. */
  backups: BackupRecord[];
  /** Whether moments of the recovery window lie on it. */
  active: boolean;
}

const usableIn = new WeakMap<readonly BackupRecord[], Set<string>>();

/** A backup that a restore can begin from: its chain is whole and safe. Found once for each list, since it is asked of all of them. */
export function isUsable(backups: readonly BackupRecord[], id: string): boolean {
  let usable = usableIn.get(backups);
  if (usable === undefined) {
    usable = new Set(backups.filter((backup) => hasChain(backups, backup.id)).map((backup) => backup.id));
    usableIn.set(backups, usable);
  }
  return usable.has(id);
}

function hasChain(backups: readonly BackupRecord[], id: string): boolean {
  try {
    return chainOf(backups, id).length > 0;
  } catch {
    return false;
  }
}

/**
 * The branches of the archive. After a promotion the timeline that was left is one of its own, as long as it has moments in the window:
 * one may want to restore to either side of the fork.
 */
export function branchesOf({ backups, wal }: RetentionFacts, windowStart: Date): Branch[] {
  const usable = backups
    .filter(({ id }) => isUsable(backups, id))
    .sort((a, b) => compareLsn(a.endLsn, b.endLsn) || a.finishedAt.localeCompare(b.finishedAt));
  const newest = Math.max(...wal.histories.keys(), ...wal.withoutHistory);
  const timelines = [...wal.histories.keys(), ...wal.withoutHistory].sort((a, b) => a - b);
  return timelines.map((timeline) => {
    // What nothing is known of stands for itself.
    const history = wal.histories.get(timeline) ?? [{ timeline }];
    return {
      timeline,
      history,
      backups: usable.filter((backup) => liesOn(backup, history)),
      active:
        timeline === newest ||
        wal.files.some(
          (file) => file.timeline === timeline && file.segment !== undefined && file.mtimeMs >= windowStart.getTime(),
        ) ||
        backups.some(
          (backup) => backup.timeline === timeline && Date.parse(backup.finishedAt) >= windowStart.getTime(),
        ),
    };
  });
}

function liesOn(backup: BackupRecord, history: readonly TimelineSpan[]): boolean {
  return history.some(
    ({ timeline, endLsn }) =>
      timeline === backup.timeline && (endLsn === undefined || compareLsn(backup.endLsn, endLsn) <= 0),
  );
}

/** Tells how far replay gets from a backup, by `continuityFrom`; the answer for a stretch of WAL is found once. */
export function reachIn(archive: WalArchive, history: readonly TimelineSpan[]): (backup: BackupRecord) => string {
  const runs: { first: bigint; endLsn: string; end: bigint }[] = [];
  return ({ endLsn }) => {
    const first = segmentNumberOf(endLsn, archive.segmentSizeBytes);
    const known = runs.find((run) => run.first <= first && first < run.end);
    const found = known?.endLsn ?? continuityFrom(archive, history, endLsn).endLsn;
    if (found === undefined) return endLsn; // the backup restores to its own end without the archive
    if (known === undefined) runs.push({ first, endLsn: found, end: segmentNumberOf(found, archive.segmentSizeBytes) });
    return compareLsn(found, endLsn) > 0 ? found : endLsn;
  };
}

/** The backup from which the window's start is reached: the newest that was finished by then, or the oldest that there is. */
export function anchorIndex(branch: Branch, windowStart: Date): number {
  const index = branch.backups.findLastIndex(({ finishedAt }) => Date.parse(finishedAt) <= windowStart.getTime());
  return index === -1 ? 0 : index;
}
