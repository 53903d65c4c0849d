import { RepositoryError } from '../errors.js';
import { compareLsn } from '../postgres/lsn.js';
import { readTimelineHistory, spansBetween } from '../postgres/timeline.js';
import { readWal } from '../postgres/wal-content.js';
import { dumpWal, type WalRange } from '../postgres/waldump.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { WalRead } from '../schema/wal-read.js';
import type { PostgresTools } from '../toolchain/postgres.js';

/**
 * Reads the WAL that is to be replayed once through, before anything is restored: every record's checksum is checked on the way, so a
 * missing or damaged segment shows now. (What lies before, from the backup's start to its end, the backup brings along itself, and
 * pg_verifybackup reads it.) Refuses WAL that would create a tablespace: its replay would write outside the sandbox, into a directory
 * that may be the source's (design, invariant 4).
 *
 * @param from where the part that was not read yet begins: the backup's end, unless a server that is paused further on goes on from there.
 * @returns what was read.
 * @throws RepositoryError for either.
 */
export async function readWalToReplay(
  tools: PostgresTools,
  request: { walDirectory: string; wal: { to: string }; target: { timeline: number } },
  last: BackupRecord,
  signal: AbortSignal,
  from = last.endLsn,
): Promise<WalRead> {
  const startedAt = performance.now();
  const { walDirectory } = request;
  const read: WalRead = { from, to: request.wal.to, records: 0, bytes: 0, seconds: 0 };
  if (compareLsn(request.wal.to, from) <= 0) return read;
  const history = await readTimelineHistory(walDirectory, request.target.timeline);
  if (history === undefined) throw noHistory(walDirectory, request.target.timeline);
  const segmentSizeBytes = last.walSegmentSizeBytes;
  for (const span of spansBetween(history, from, request.wal.to, segmentSizeBytes)) {
    const range = { walDirectory, segmentSizeBytes, ...span };
    const { records, bytes, byManager } = await readWal(tools, range, { signal });
    read.records += records;
    read.bytes += bytes;
    if (byManager.has('Tablespace')) await refuseOutsideTablespaces(tools, range, last, signal);
  }
  return { ...read, seconds: (performance.now() - startedAt) / 1_000 };
}

async function refuseOutsideTablespaces(
  tools: PostgresTools,
  range: WalRange,
  last: BackupRecord,
  signal: AbortSignal,
): Promise<void> {
  let created: string | undefined;
  await dumpWal(tools, range, ['--rmgr=Tablespace'], {
    signal,
    onLine: (line) => {
      const location = /desc: CREATE \d+ "(.*)"/.exec(line)?.[1];
      // An empty location is an in-place tablespace: it lies inside the data directory.
      if (location?.startsWith('/') === true) created ??= location;
    },
  });
  if (created === undefined) return;
  throw new RepositoryError({
    what: `Between backup ${last.id} and the target, a tablespace was created in ${created}.`,
    means:
      'Replaying that would write into this directory, outside the sandbox; on the source’s host that would be its own data.',
    todo: 'Take a new backup: pgdrill knows the tablespaces of a backup and moves them into the sandbox.',
  });
}

function noHistory(walDirectory: string, timeline: number): RepositoryError {
  return new RepositoryError({
    what: `The history file of timeline ${timeline} is missing in ${walDirectory}.`,
    means: 'Nothing says where this timeline left the one before, so recovery cannot follow it.',
    todo: 'Bring the .history file back (from the source’s pg_wal, or a standby), or choose a target on the backup’s own timeline.',
  });
}
