import { RepositoryError } from '../errors.js';
import { compareLsn } from '../postgres/lsn.js';
import { readTimelineHistory, spansBetween } from '../postgres/timeline.js';
import { dumpWal } from '../postgres/waldump.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { PostgresTools } from '../toolchain/postgres.js';

/**
 * Reads the WAL that is to be replayed once through, before anything is restored: every record's checksum is checked on the way, so a
 * missing or damaged segment shows now. Refuses WAL that would create a tablespace: its replay would write outside the sandbox, into
 * a directory that may be the source's (design, invariant 4).
 *
 * @throws RepositoryError for either.
 */
export async function refuseOutsideTablespaces(
  tools: PostgresTools,
  request: { walDirectory: string; wal: { to: string }; target: { timeline: number } },
  last: BackupRecord,
  signal: AbortSignal,
): Promise<void> {
  const { walDirectory } = request;
  if (compareLsn(request.wal.to, last.endLsn) <= 0) return;
  const history = await readTimelineHistory(walDirectory, request.target.timeline);
  if (history === undefined) throw noHistory(walDirectory, request.target.timeline);
  let created: string | undefined;
  for (const span of spansBetween(history, last.endLsn, request.wal.to, last.walSegmentSizeBytes)) {
    await dumpWal(tools, { walDirectory, ...span }, ['--rmgr=Tablespace'], {
      signal,
      onLine: (line) => {
        const location = /desc: CREATE \d+ "(.*)"/.exec(line)?.[1];
        // An empty location is an in-place tablespace: it lies inside the data directory.
        if (location?.startsWith('/') === true) created ??= location;
      },
    });
  }
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
