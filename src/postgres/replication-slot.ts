import { z } from 'zod';

import type { Connection } from './connection.js';

const slotSchema = z.object({
  name: z.string(),
  type: z.string(),
  active: z.boolean(),
  activePid: z.number().nullable(),
  restartLsn: z.string().nullable(),
  /** `reserved`, `extended`, `unreserved`, `lost` (PostgreSQL manual, "pg_replication_slots"); null before it reserves any. */
  walStatus: z.string().nullable(),
  /** WAL that may still be written before the slot is in danger of being lost; null where that is unlimited. */
  safeWalBytes: z.coerce.number().nullable(),
  /** Where the server's WAL is safely on disk now. */
  flushLsn: z.string(),
  /** Where its WAL ends now, on disk or not; of this moment, by its clock. */
  insertLsn: z.string(),
  at: z.string(),
  /** Of the process that streams from the slot. */
  writtenLsn: z.string().nullable(),
  heldBytes: z.coerce.number().nullable(),
  /** `max_slot_wal_keep_size` in bytes; undefined where it is unlimited. */
  keepBytes: z.coerce.number().transform((bytes) => (bytes < 0 ? undefined : bytes)),
});
export type ReplicationSlot = z.infer<typeof slotSchema>;

/** A slot of the source with the figures around it, undefined where there is none of that name. Needs pg_monitor for `writtenLsn`. */
export async function readSlot(client: Connection, name: string): Promise<ReplicationSlot | undefined> {
  const { rows } = await client.query(
    `select s.slot_name as name,
            s.slot_type as type,
            s.active,
            s.active_pid as "activePid",
            s.restart_lsn::text as "restartLsn",
            s.wal_status as "walStatus",
            s.safe_wal_size::text as "safeWalBytes",
            pg_current_wal_flush_lsn()::text as "flushLsn",
            pg_current_wal_insert_lsn()::text as "insertLsn",
            to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
            r.write_lsn::text as "writtenLsn",
            pg_wal_lsn_diff(pg_current_wal_flush_lsn(), s.restart_lsn)::text as "heldBytes",
            (select setting::bigint * case when setting = '-1' then 1 else 1024 * 1024 end
               from pg_settings
              where name = 'max_slot_wal_keep_size')::text as "keepBytes"
       from pg_replication_slots s
       left join pg_stat_replication r on r.pid = s.active_pid
      where s.slot_name = $1`,
    [name],
  );
  return rows[0] === undefined ? undefined : slotSchema.parse(rows[0]);
}

/** Creates a physical slot that keeps WAL from now on (`immediately_reserve`; what `pg_receivewal --create-slot` makes keeps none yet). */
export async function createSlot(client: Connection, name: string): Promise<void> {
  await client.query(`select pg_create_physical_replication_slot($1, true)`, [name]);
}

/** Drops a slot; none of that name is fine. */
export async function dropSlot(client: Connection, name: string): Promise<void> {
  await client.query(`select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1`, [
    name,
  ]);
}
