import { compareLsn, lsnDistanceBytes } from '../postgres/lsn.js';
import { lastCommitIn } from '../restore/last-commit.js';
import { recoverableRanges } from '../restore/recoverable.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { HandOver } from '../schema/hand-over.js';
import type { PostgresTools } from '../toolchain/postgres.js';

/**
 * What the archive holds behind the point that was restored, on the same timeline. Only commits count: the rest of the last segment is
 * mostly nothing.
 *
 * @returns undefined where it holds no commit there, or cannot be read: that must not keep a recovered server from its people.
 */
export async function beyond(
  tools: PostgresTools,
  restored: { backups: readonly BackupRecord[]; walDirectory: string; timeline: number; reachedLsn: string },
  signal: AbortSignal,
): Promise<HandOver['leftOut']> {
  const { backups, walDirectory, timeline, reachedLsn } = restored;
  try {
    const ranges = await recoverableRanges(tools, backups, walDirectory, signal);
    const range = ranges.find(
      (each) =>
        each.timeline === timeline && compareLsn(each.from, reachedLsn) <= 0 && compareLsn(reachedLsn, each.to) < 0,
    );
    if (range === undefined || lsnDistanceBytes(reachedLsn, range.to) <= 0) return undefined;
    const wal = { directory: walDirectory, segmentSizeBytes: backups[0]?.walSegmentSizeBytes ?? 0 };
    const lastCommitAt = await lastCommitIn(tools, { ...range, from: reachedLsn }, wal, signal);
    return lastCommitAt === undefined ? undefined : { from: reachedLsn, to: range.to, lastCommitAt };
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
