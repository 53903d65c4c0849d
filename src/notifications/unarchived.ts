import type { ResolvedCluster } from '../configuration/cluster.js';
import { withConnection } from '../postgres/connection.js';

/** A source that does not answer is seen elsewhere: by metrics, and by every run. */
const patienceSeconds = 5;

/** The segment that has waited longest for the source's archiver. */
export interface Unarchived {
  segment: string;
  waits: number;
  /** How long ago it was finished, by the source's clock: whatever was committed in it is at least as old. */
  seconds: number;
  failedAt?: string;
}

/**
 * Finds out what the source's archiver has still to archive (`pg_wal/archive_status/*.ready`). Whoever is privileged as `pgdrill init` does it
 * may look (pg_monitor).
 *
 * @returns undefined where nothing waits.
 */
export async function longestUnarchived(
  { connection }: Pick<ResolvedCluster, 'connection'>,
  signal: AbortSignal,
): Promise<Unarchived | undefined> {
  return await withConnection(
    connection,
    async (client) => {
      const { rows } = await client.query<Omit<Unarchived, 'failedAt'> & { failedAt: string | null }>(
        `select left(name, 24) as segment, count(*) over ()::int as waits,
                extract(epoch from clock_timestamp() - modification)::float8 as seconds,
                (select to_char(last_failed_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                   from pg_stat_archiver where last_failed_wal = left(name, 24)) as "failedAt"
           from pg_ls_archive_statusdir() where name ~ '^[0-9A-F]{24}\\.ready$' order by modification limit 1`,
      );
      const [row] = rows;
      if (row === undefined) return undefined;
      const { failedAt, ...unarchived } = row;
      return { ...unarchived, ...(failedAt === null ? {} : { failedAt }) };
    },
    {
      overrides: { connect_timeout: String(patienceSeconds), application_name: 'pgdrill janitor' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(patienceSeconds * 1_000)]),
    },
  );
}
