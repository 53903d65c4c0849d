import { compareLsn } from '../../postgres/lsn.js';
import type { TransactionEnd } from '../../postgres/transaction-ends.js';
import { sees, type Snapshot, widenXid } from './snapshot.js';

export interface DatabaseSnapshot {
  database: string;
  snapshot: Snapshot;
}

export type Cut = { lsn: string; commitsSeen: number; commitsUnseen: number } | { conflict: string };

/**
 * Finds the LSN at which replay (stopping before it) yields exactly what the snapshots show, in every database at once.
 *
 * A commit that a snapshot does not see must lie behind the cut, one that it sees before. Commit records are written before their
 * transactions become visible, and not in the same order, so there may be no such place: then another fence has to be taken. With one
 * snapshot per database (exported snapshots cannot cross databases) a commit counts only where it changed something: `concerns`.
 *
 * @param ends all commits and aborts around the snapshots, in WAL order.
 * @param restorePointLsn the end of the restore point made after the snapshots: the cut where nothing unseen was committed before it.
 * @param concerns whether a commit changed a database (or may have).
 */
export function findCut(
  ends: readonly TransactionEnd[],
  snapshots: readonly DatabaseSnapshot[],
  restorePointLsn: string,
  concerns: (end: TransactionEnd, database: string) => boolean = () => true,
): Cut {
  let lastSeen: { lsn: string; xid: number; database: string } | undefined;
  let firstUnseen: { lsn: string; xid: number; database: string } | undefined;
  let [commitsSeen, commitsUnseen] = [0, 0];
  for (const end of ends) {
    if (end.kind !== 'commit' || compareLsn(end.lsn, restorePointLsn) >= 0) continue;
    let seenByAll = true;
    for (const { database, snapshot } of snapshots) {
      if (!concerns(end, database)) continue;
      if (sees(snapshot, widenXid(end.xid, snapshot.xmax))) {
        if (lastSeen === undefined || compareLsn(end.lsn, lastSeen.lsn) > 0) lastSeen = { ...end, database };
      } else {
        seenByAll = false;
        if (firstUnseen === undefined || compareLsn(end.lsn, firstUnseen.lsn) < 0) firstUnseen = { ...end, database };
      }
    }
    if (seenByAll) commitsSeen += 1;
    else commitsUnseen += 1;
  }
  const lsn = firstUnseen?.lsn ?? restorePointLsn;
  if (lastSeen !== undefined && compareLsn(lastSeen.lsn, lsn) >= 0) {
    return {
      conflict: `transaction ${lastSeen.xid} at ${lastSeen.lsn} is visible in ${lastSeen.database}, ${firstUnseen?.xid ?? 'none'} at ${lsn} before it is not visible in ${firstUnseen?.database ?? 'any'}`,
    };
  }
  return { lsn, commitsSeen, commitsUnseen };
}

/**
 * Transactions that were in progress in the snapshots, have ended since, and whose end the scanned WAL does not show: their commit was
 * written before the scan began, so nothing is known about where. A fence with any of them is not to be trusted.
 *
 * @param stillInProgress from a later snapshot.
 */
export function unexplained(
  ends: readonly TransactionEnd[],
  snapshots: readonly DatabaseSnapshot[],
  stillInProgress: ReadonlySet<bigint>,
): bigint[] {
  const missing = new Set<bigint>();
  for (const { snapshot } of snapshots) {
    const ended = new Set(ends.map((end) => widenXid(end.xid, snapshot.xmax)));
    for (const xid of snapshot.inProgress) if (!ended.has(xid) && !stillInProgress.has(xid)) missing.add(xid);
  }
  return [...missing];
}
