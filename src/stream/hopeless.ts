import { RepositoryError } from '../errors.js';
import { gapError, type Stream } from './stream.js';

/**
 * What pg_receivewal says when nothing but a person helps.
 *
 * @param said its standard error.
 * @returns undefined for all that time may mend.
 */
export function hopeless(
  stream: Pick<Stream, 'name' | 'wal' | 'walDirectory'>,
  said: string,
): RepositoryError | undefined {
  const removed = /requested WAL segment (\S+) has already been removed/.exec(said)?.[1];
  if (removed !== undefined)
    return gapError(stream, `it needs WAL segment ${removed} next, which the source has no longer.`);
  if (/can no longer (get changes from|access) replication slot|replication slot ".*" was invalidated/.test(said))
    return gapError(
      stream,
      `replication slot ${stream.wal.slot} is lost, the source has removed WAL that was not received.`,
    );
  const fork = /requested starting point (\S+) on timeline (\d+) is not in this server's history/.exec(said);
  if (fork !== null) return lostByFailover(stream, said, { lsn: fork[1] ?? '', timeline: fork[2] ?? '' });
  // The first from the server, the second from pg_receivewal itself where the server's timeline is older.
  const unknown =
    /requested timeline (\d+) is not in this server's history|starting timeline (\d+) is not present in the server/.exec(
      said,
    );
  return unknown === null ? undefined : otherLine(stream, said, unknown[1] ?? unknown[2] ?? '');
}

function lostByFailover(
  { name, walDirectory }: Pick<Stream, 'name' | 'walDirectory'>,
  said: string,
  { lsn, timeline }: { lsn: string; timeline: string },
): RepositoryError {
  return new RepositoryError({
    what: `The archive of ${name} holds WAL of timeline ${timeline} up to ${lsn}, which the source’s present timeline does not come from: ${said.trim()}`,
    means:
      'A standby was promoted that had not received all of it. What the archive has beyond the fork belongs to transactions that the failover lost.',
    todo: `Keep the segments of timeline ${timeline} behind the fork somewhere else than ${walDirectory} (they hold those transactions), then: pgdrill stream start ${name}`,
  });
}

function otherLine(
  { name, walDirectory }: Pick<Stream, 'name' | 'walDirectory'>,
  said: string,
  timeline: string,
): RepositoryError {
  return new RepositoryError({
    what: `The archive of ${name} holds WAL of timeline ${timeline}, which the source has never been on: ${said.trim()}`,
    means:
      'Most likely a standby was promoted, and the connection leads to the old primary, which was started again: two servers take writes, and what is written to this one is not archived.',
    todo: `Find out which of them is the primary (select pg_walfile_name(pg_current_wal_lsn()) begins with the timeline), stop the other one (pg_rewind makes a standby of it), see that the connection of ${name} leads to the primary, then: pgdrill stream start ${name}. If this one is to stay the primary, keep the segments of timeline ${timeline} somewhere else than ${walDirectory} first.`,
  });
}
