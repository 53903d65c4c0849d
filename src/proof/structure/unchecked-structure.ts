import type { Connection } from '../../postgres/connection.js';

/**
 * What amcheck does not look into: indexes that are no B-trees (GIN excepted, where its function is there), and tables that are no
 * heaps. An index that is not valid serves no query, and a temporary or partitioned one has no pages of its own.
 *
 * @returns lines as `shop: structure of 12 gist indexes, 3 hash indexes`.
 */
export async function listUnchecked(client: Connection, database: string, ginIsChecked: boolean): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(
    `
    select format('%s %s %s', count(*), a.amname, case when c.relkind = 'i' then 'indexes' else 'tables' end) as line
    from pg_catalog.pg_class c
    join pg_catalog.pg_am a on a.oid = c.relam
    where c.relpersistence <> 't'
      and (
        (c.relkind = 'i' and a.amname <> 'btree' and not (a.amname = 'gin' and $1))
        or (c.relkind in ('r', 'm') and a.amname <> 'heap')
      )
    group by a.amname, c.relkind
    order by a.amname, c.relkind
    `,
    [ginIsChecked],
  );
  return rows.length === 0 ? [] : [`${database}: structure of ${rows.map(({ line }) => line).join(', ')}`];
}
