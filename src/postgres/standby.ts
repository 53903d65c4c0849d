import { z } from 'zod';

import type { Connection } from './connection.js';

const standbySchema = z.object({
  systemIdentifier: z.string(),
  inRecovery: z.boolean(),
  /** To the microsecond: no two servers have the same. */
  startedAt: z.string(),
  /** That it receives, or has replayed; null on a primary. */
  timeline: z.number().nullable(),
  /** Of a primary, what it has written. */
  replayedLsn: z.string(),
  /** Whether it stays behind on purpose. */
  applyDelay: z.boolean(),
  serverVersion: z.string(),
  serverVersionNumber: z.coerce.number(),
  summarizeWal: z.boolean(),
  summaryKeepTime: z.string(),
  maxWalSenders: z.coerce.number(),
});
export type Standby = z.infer<typeof standbySchema>;

/** What a server says of itself as a standby; a primary answers, too. Needs pg_monitor for the timeline that is received. */
export async function readStandby(client: Connection): Promise<Standby> {
  const { rows } = await client.query(
    `select (select system_identifier::text from pg_control_system()) as "systemIdentifier",
            pg_is_in_recovery() as "inRecovery",
            extract(epoch from pg_postmaster_start_time())::text as "startedAt",
            case when pg_is_in_recovery() then
              coalesce((select received_tli from pg_stat_wal_receiver),
                       (select nullif(min_recovery_end_timeline, 0) from pg_control_recovery()))
            end as timeline,
            (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end)::text as "replayedLsn",
            current_setting('recovery_min_apply_delay') not in ('0', '0ms') as "applyDelay",
            split_part(current_setting('server_version'), ' ', 1) as "serverVersion",
            current_setting('server_version_num') as "serverVersionNumber",
            current_setting('summarize_wal')::boolean as "summarizeWal",
            current_setting('wal_summary_keep_time') as "summaryKeepTime",
            current_setting('max_wal_senders') as "maxWalSenders"`,
  );
  return standbySchema.parse(rows[0]);
}
