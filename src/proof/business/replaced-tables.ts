import type { Connection } from '../../postgres/connection.js';

/**
 * Which of the tables that this transaction has read were truncated, rewritten, renamed or made since its snapshot: an older snapshot
 * finds them empty, or another one in their place (manual, "Caveats" of Concurrency Control; change-since.ts tells more).
 *
 * pg_locks knows what was read, functions and views included. pg_class is read as of the snapshot; pg_relation_filenode and
 * pg_identify_object look into the catalogs as they are now. The locks keep what was read from changing until the transaction ends.
 *
 * @returns their names, as schema.name.
 */
export async function replacedTables(client: Connection): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `
    select current.schema || '.' || current.name as name
    from pg_catalog.pg_locks held
    cross join lateral pg_catalog.pg_identify_object('pg_catalog.pg_class'::regclass, held.relation, 0) as current
    left join pg_catalog.pg_class seen on seen.oid = held.relation
    where held.pid = pg_catalog.pg_backend_pid()
      and held.locktype = 'relation'
      and held.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
      -- 16384: first oid of anything not made by initdb.
      and held.relation >= 16384
      and current.type in ('table', 'materialized view')
      and (
        seen.oid is null
        or seen.relfilenode <> pg_catalog.pg_relation_filenode(held.relation)
        or pg_catalog.quote_ident(seen.relname) <> current.name
      )
    order by 1
    `,
  );
  return rows.map(({ name }) => name);
}
