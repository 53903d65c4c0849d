import { estimateRestore } from '../estimate/estimate-restore.js';
import type { PastRestores } from '../estimate/past-restores.js';
import { compareLsn, lsnToBigInt } from '../postgres/lsn.js';
import { isInHistory, type TimelineSpan } from '../postgres/timeline.js';
import { segmentNumberOf } from '../postgres/wal-segment.js';
import { byEnd, chainOf, isUsable } from '../repository/chains.js';
import { continuityFrom, type WalArchive } from '../repository/wal-archive.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Estimate } from '../schema/estimate.js';

/** A chain from which a target can be reached, and how long that would take. */
export interface Candidate {
  chain: BackupRecord[];
  estimate: Estimate;
}

export interface Reach {
  lsn: string;
  knownFrom: string;
  archive: WalArchive;
  history: readonly TimelineSpan[];
}

/** Estimates are not that exact: what is less than this much faster is not called faster. */
const clearlyFaster = 0.9;

/**
 * The chains that reach a target, the one to use first: the fastest by estimate. The least WAL to replay counts as fastest until another
 * is clearly faster (by a tenth), so that the choice does not change with every measurement.
 *
 * @param request.lsn the LSN that replay has to reach.
 * @param request.knownFrom an LSN from which on the archive is known to reach it, the segment that is still being received included.
 * @param request.history the timelines that lead to the target's, itself last.
 */
export function rankChains(backups: readonly BackupRecord[], request: Reach, past: PastRestores): Candidate[] {
  const candidates = byEnd(backups)
    .filter((backup) => isUsable(backups, backup) && reaches(backup, request))
    .map((backup): Candidate => {
      const chain = chainOf(backups, backup.id);
      return { chain, estimate: estimateRestore(chain, request.lsn, past) };
    });
  const [leastWal] = candidates;
  if (leastWal === undefined) return [];
  const limit = leastWal.estimate.seconds * clearlyFaster;
  const fastestFirst = candidates.slice(1).sort((a, b) => a.estimate.seconds - b.estimate.seconds);
  const faster = fastestFirst.filter(({ estimate }) => estimate.seconds < limit);
  return [...faster, leastWal, ...fastestFirst.slice(faster.length)];
}

/** Whether a backup and the archived WAL behind it lead to a place. */
export function reaches(backup: BackupRecord, { lsn, knownFrom, archive, history }: Reach): boolean {
  if (compareLsn(backup.endLsn, lsn) > 0) return false;
  if (!isInHistory(history, { timeline: backup.timeline, lsn: backup.endLsn })) return false;
  if (compareLsn(backup.endLsn, knownFrom) >= 0) return true;
  const { endLsn } = continuityFrom(archive, history, backup.endLsn);
  if (endLsn === undefined) return false;
  const known = segmentNumberOf(knownFrom, archive.segmentSizeBytes) * BigInt(archive.segmentSizeBytes);
  return compareLsn(endLsn, lsn) >= 0 || lsnToBigInt(endLsn) >= known;
}
