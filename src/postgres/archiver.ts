import type { Connection } from './connection.js';

/** What the source itself says of its archiver, in a sentence. */
export async function describeArchiver(client: Connection): Promise<string> {
  const { rows } = await client.query<{
    failed: string;
    lastFailed: string | null;
    lastFailedAt: Date | null;
    lastArchived: string | null;
  }>(
    `select failed_count::text as failed,
            last_failed_wal as "lastFailed",
            last_failed_time as "lastFailedAt",
            last_archived_wal as "lastArchived"
       from pg_stat_archiver`,
  );
  const [row] = rows;
  if (row === undefined) return '';
  const last = row.lastArchived === null ? 'It has never archived a segment' : `It archived ${row.lastArchived} last`;
  return row.failed === '0'
    ? `${last}, and reports no failure.`
    : `${last}; ${row.failed} attempts failed, the last one for ${row.lastFailed ?? '?'} at ${row.lastFailedAt?.toISOString() ?? '?'} (the server’s log says why).`;
}
