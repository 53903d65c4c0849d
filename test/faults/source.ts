import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { eventually } from '../support/programs.js';
import type { ProtectedCluster } from '../support/protected-cluster.js';

/** All that a drill could have changed of its source, in words: the same before and after. */
export async function portraitOf(shop: ProtectedCluster): Promise<Record<string, unknown>> {
  const [row] = await shop.sql(
    `select (select jsonb_agg(format('%s %s', oid::regclass, relkind) order by oid::regclass::text)
               from pg_class
              where relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)) as relations,
            (select jsonb_agg(nspname order by nspname) from pg_namespace where nspname !~ '^pg_(toast_)?temp') as schemas,
            (select jsonb_agg(extname order by extname) from pg_extension) as extensions,
            (select jsonb_agg(datname order by datname) from pg_database) as databases,
            (select jsonb_agg(rolname order by rolname) from pg_roles) as roles,
            (select jsonb_agg(slot_name) from pg_replication_slots) as slots,
            (select jsonb_agg(gid) from pg_prepared_xacts) as prepared,
            (select count(*) || ' rows, ' || sum(hashint4extended(id, 0)) from orders) as orders,
            (select jsonb_object_agg(name, setting) from pg_settings where source = 'configuration file') as settings`,
  );
  return { ...row };
}

/** What a drill holds on its source while it works and may not hold afterwards. Sessions need a moment to notice that their client is gone. */
export async function expectNothingHeld(shop: ProtectedCluster): Promise<void> {
  await eventually('pgdrill to hold nothing on the source', async () => {
    const [row] = await shop.sql<{ held: number }>(
      `select (select count(*) from pg_stat_activity where usename = 'pgdrill')::int
            + (select count(*) from pg_replication_slots)::int
            + (select count(*) from pg_stat_progress_basebackup)::int as held`,
    );
    return row?.held === 0 ? true : undefined;
  });
}

/** Cuts every connection that pgdrill has to the source. @returns how many there were. */
export async function cutConnections(shop: ProtectedCluster): Promise<number> {
  const cut = await shop.sql(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'pgdrill'`);
  return cut.length;
}

/** The pid in a data directory's lock file. */
export async function postmasterOf(dataDirectory: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8'), 10);
}
