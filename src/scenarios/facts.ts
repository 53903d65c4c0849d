import { RepositoryError } from '../errors.js';
import { compareLsn } from '../postgres/lsn.js';
import type { TimelineSpan } from '../postgres/timeline.js';
import type { Wal } from '../repository/wal-mode.js';
import { fetchWal } from '../repository/fetch-wal.js';
import { knownReaches } from '../repository/known-reach.js';
import { chainOf, isUsable, newestBackup } from '../repository/chains.js';
import { liesOn, listRecordedFences } from '../repository/recorded-fences.js';
import { listBackups, type Repository } from '../repository/repository.js';
import { listWalArchive } from '../repository/wal-archive.js';
import { reachOf } from '../repository/wal-reach.js';
import { chooseLine } from '../restore/choose-line.js';
import { reaches } from '../restore/fastest-chain.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { RecordedFence } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';

/** What the repository holds, as the scenarios need it: no server is asked. */
export interface ScenarioFacts {
  cluster: string;
  /** Those that a restore may use, oldest end first, never empty. */
  backups: readonly BackupRecord[];
  /** All of them: chains are looked up here. */
  all: readonly BackupRecord[];
  /** The timelines that lead to the youngest one behind the newest backup, itself last. */
  history: readonly TimelineSpan[];
  /** Where the archived WAL behind the newest backup ends. */
  endLsn: string;
  /** Known places on this line to which a restore leads, in the order of the WAL. */
  fences: readonly RecordedFence[];
  /** Whether a backup leads to a place on this line, all WAL on the way being there. */
  leadsTo: (backup: BackupRecord, lsn: string) => boolean;
}

/** An LSN behind all others: nothing is taken for granted before it. */
const beyondAll = 'FFFFFFFF/FFFFFFFF';

/** @throws RepositoryError where there is no backup that could be restored. */
export async function readFacts(
  tools: PostgresTools,
  request: { repository: Repository; walDirectory: string; wal?: Wal; signal: AbortSignal },
): Promise<ScenarioFacts> {
  const { repository, walDirectory, wal, signal } = request;
  const all = await listBackups(repository);
  const newest = newestBackup(all);
  if (newest === undefined) {
    throw new RepositoryError({
      what: `The repository ${repository.path} holds no backup with a whole chain.`,
      means: 'There is nothing to restore, so no failure that could be rehearsed.',
      todo: `Take one: pgdrill backup ${repository.cluster}`,
    });
  }
  const { walSegmentSizeBytes: segmentSizeBytes, timeline, endLsn: lsn } = newest;
  const known = () => knownReaches(repository, undefined, signal);
  await fetchWal(wal, { walDirectory, segmentSizeBytes, from: { timeline, lsn }, known }, signal);
  const archive = await listWalArchive(walDirectory, newest.walSegmentSizeBytes);
  const { history } = await chooseLine({ walDirectory, target: { kind: 'latest' }, fence: undefined }, [newest]);
  const { endLsn = newest.endLsn } = await reachOf(tools, archive, history, newest.endLsn, signal);
  // An archive that only a command reaches cannot be listed: that all is there is found out, or not, when it is planned.
  const takenForGranted = wal?.mode === 'command' ? '0/0' : undefined;
  const leadsTo = (backup: BackupRecord, to: string): boolean => {
    const knownFrom = takenForGranted ?? (to === endLsn ? newest.endLsn : beyondAll);
    return reaches(backup, { lsn: to, knownFrom, archive, history });
  };
  const backups = all
    .filter((backup) => isUsable(all, backup))
    .sort((a, b) => compareLsn(a.endLsn, b.endLsn) || chainOf(all, a.id).length - chainOf(all, b.id).length);
  const fences = (await listRecordedFences(repository, tools)).filter(
    (each) => liesOn(each, history) && backups.some((backup) => leadsTo(backup, each.fence.lsn)),
  );
  return { cluster: repository.cluster, backups, all, history, endLsn, fences, leadsTo };
}
