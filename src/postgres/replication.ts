import { z } from 'zod';

import { type Replication, replicationSchema } from '../schema/hand-over.js';
import type { Connection } from './connection.js';

const rowSchema = z.object({
  name: z.string(),
  type: z.enum(['physical', 'logical']),
  plugin: z.string().nullable(),
  database: z.string().nullable(),
});

/** Who replicates from a server: its lasting slots, and what is connected just now. Backups hold neither (PostgreSQL manual, "pg_basebackup"). */
export async function readReplication(client: Connection): Promise<Replication> {
  const slots = await client.query(
    `select slot_name as name, slot_type as type, plugin, database from pg_replication_slots where not temporary order by slot_name`,
  );
  const standbys = await client.query(
    `select application_name as name, coalesce(state, 'unknown') as state, coalesce(sync_state, 'unknown') as sync
       from pg_stat_replication
      where state is distinct from 'backup'
      order by application_name`,
  );
  return replicationSchema.parse({
    slots: z
      .array(rowSchema)
      .parse(slots.rows)
      .map(({ name, type, plugin, database }) => ({
        name,
        type,
        ...(plugin === null ? {} : { plugin }),
        ...(database === null ? {} : { database }),
      })),
    standbys: standbys.rows,
  });
}
