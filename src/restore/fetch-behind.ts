import type { Conninfo } from '../postgres/conninfo.js';
import { firstCommitIn } from '../postgres/first-commit.js';
import { bigIntToLsn, compareLsn, maxLsn } from '../postgres/lsn.js';
import { isInHistory, readTimelineHistory } from '../postgres/timeline.js';
import { segmentNumberOf, type WalSegment } from '../postgres/wal-segment.js';
import { byEnd } from '../repository/chains.js';
import { fetchTimelines, fetchWal } from '../repository/fetch-wal.js';
import type { KnownReach } from '../repository/known-reach.js';
import type { Wal } from '../repository/wal-mode.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Fence } from '../schema/results.js';
import { type Target, timeTargetMs } from '../schema/target.js';
import type { PostgresTools } from '../toolchain/postgres.js';

export interface FetchRequest {
  wal?: Wal;
  walDirectory: string;
  target: Target;
  fence: Fence | undefined;
  /** The server, to be asked how far the archive reaches: only where that cannot be listed, and only if it answers. */
  source?: Conninfo;
  known?: () => Promise<readonly KnownReach[]>;
  signal: AbortSignal;
}

/** From where on WAL is fetched, so that the line to follow shows: the newest backup that is no old primary's. */
export async function newestOnNewestLine(
  { wal, walDirectory, signal }: FetchRequest,
  backups: readonly BackupRecord[],
): Promise<BackupRecord | undefined> {
  const timelines = backups.map(({ timeline }) => timeline);
  const newest = await fetchTimelines(wal, { walDirectory, timelines }, signal);
  const history = newest === undefined ? undefined : await readTimelineHistory(walDirectory, newest);
  const onLine = backups.filter(({ timeline, endLsn: lsn }) => isInHistory(history ?? [], { timeline, lsn }));
  return byEnd(onLine)[0] ?? byEnd(backups)[0];
}

/**
 * Fetches the WAL behind a backup, as far as the target may need it: up to an LSN, up to the first commit that is later than a time, else all
 * there is. Nothing where the target lies before the backup's end.
 *
 * @returns what fetchWal returns: the furthest place that the archive had, where it ends before.
 */
export async function fetchBehind(
  tools: PostgresTools,
  { wal, walDirectory, target, fence, known, signal }: FetchRequest,
  backup: BackupRecord | undefined,
  timeline?: number,
): Promise<KnownReach | undefined> {
  if (backup === undefined || target.kind === 'immediate') return undefined;
  const { walSegmentSizeBytes: segmentSizeBytes, endLsn } = backup;
  const latestMs = target.kind === 'time' ? timeTargetMs(target.time) : Infinity;
  if (latestMs < Date.parse(backup.finishedAt)) return undefined;
  const to = target.kind === 'lsn' ? target.lsn : fence?.lsn;
  if (to !== undefined && compareLsn(to, endLsn) < 0) return undefined;
  // Replay to a time stops before the first commit that is later, so no WAL behind that commit is needed.
  const isLater = async ({ timeline: on, number }: WalSegment): Promise<boolean> => {
    const [begin, end] = [segmentStart(number, segmentSizeBytes), segmentStart(number + 1n, segmentSizeBytes)];
    const range = { walDirectory, segmentSizeBytes, timeline: on, from: maxLsn(begin, endLsn), to: end };
    return ((await firstCommitIn(tools, range, signal)) ?? -Infinity) > latestMs;
  };
  return await fetchWal(
    wal,
    {
      ...{ walDirectory, segmentSizeBytes, from: { timeline: backup.timeline, lsn: endLsn } },
      to: to === undefined ? undefined : segmentStart(segmentNumberOf(to, segmentSizeBytes) + 1n, segmentSizeBytes),
      timeline: timeline ?? (target.kind === 'fence' ? fence?.timeline : target.timeline),
      ...(target.kind === 'time' ? { enough: isLater } : {}),
      ...(known === undefined ? {} : { known }),
    },
    signal,
  );
}

function segmentStart(number: bigint, segmentSizeBytes: number): string {
  return bigIntToLsn(number * BigInt(segmentSizeBytes));
}
