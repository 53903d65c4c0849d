import { z } from 'zod';

import { SourceNotReadyError } from '../errors.js';
import type { Connection } from './connection.js';

/** Settings of the source that a restore, or the judgement of one, depends on. */
const keptSettings = [
  'archive_mode',
  'archive_command',
  'archive_library',
  'basic_archive.archive_directory',
  'block_size',
  'data_checksums',
  'full_page_writes',
  'max_connections',
  'max_locks_per_transaction',
  'max_prepared_transactions',
  'max_replication_slots',
  'max_wal_senders',
  'max_worker_processes',
  'port',
  'server_version',
  'shared_preload_libraries',
  'summarize_wal',
  'synchronous_standby_names',
  'vacuum_truncate',
  'wal_level',
  'wal_log_hints',
  'wal_summary_keep_time',
] as const;

const factsSchema = z.object({
  systemIdentifier: z.string(),
  serverVersionNumber: z.coerce.number(),
  serverVersion: z.string(),
  inRecovery: z.boolean(),
  walSegmentSizeBytes: z.coerce.number(),
  dataChecksums: z.boolean(),
  superuser: z.string(),
  now: z.string(),
});

export interface Source extends z.infer<typeof factsSchema> {
  /** Of the WAL being written now. */
  timeline: number;
  settings: Record<string, string>;
}

/** The oldest server that has incremental backup. */
export const oldestSupported = 170000;

/**
 * Reads what pgdrill must know of the source before anything else.
 *
 * @throws SourceNotReadyError when it is older than PostgreSQL 17 or a standby.
 */
export async function readSource(client: Connection): Promise<Source> {
  const number = await client.query<{ number: string; version: string }>(
    `select current_setting('server_version_num') as number, current_setting('server_version') as version`,
  );
  const { number: serverVersion = '0', version = '?' } = number.rows[0] ?? {};
  if (Number(serverVersion) < oldestSupported) {
    throw new SourceNotReadyError({
      what: `The source runs PostgreSQL ${version}.`,
      means: 'Incremental backup exists from PostgreSQL 17 on; pgdrill protects nothing older.',
      todo: 'Upgrade the cluster to PostgreSQL 17 or newer (pg_upgrade), or protect it with another tool until then.',
    });
  }
  const facts = await client.query(
    `select (select system_identifier::text from pg_control_system()) as "systemIdentifier",
            current_setting('server_version_num') as "serverVersionNumber",
            split_part(current_setting('server_version'), ' ', 1) as "serverVersion",
            pg_is_in_recovery() as "inRecovery",
            pg_size_bytes(current_setting('wal_segment_size')) as "walSegmentSizeBytes",
            current_setting('data_checksums')::boolean as "dataChecksums",
            (select rolname from pg_roles where oid = 10) as superuser,
            to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as now`,
  );
  const source = factsSchema.parse(facts.rows[0]);
  if (source.inRecovery) {
    throw new SourceNotReadyError({
      what: 'The source is a standby (in recovery).',
      means: 'Restore points and WAL switches, which the archive check and the fence need, exist on the primary only.',
      todo: 'Point the connection at the primary.',
    });
  }
  const settings = await client.query<{ name: string; setting: string }>(
    `select name, current_setting(name) as setting
       from pg_settings
      where name = any ($1)
      order by name`,
    [keptSettings],
  );
  const timeline = await client.query<{ file: string }>(`select pg_walfile_name(pg_current_wal_insert_lsn()) as file`);
  return {
    ...source,
    timeline: Number.parseInt(timeline.rows[0]?.file.slice(0, 8) ?? '1', 16),
    settings: Object.fromEntries(settings.rows.map(({ name, setting }) => [name, setting])),
  };
}
