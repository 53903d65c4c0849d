import type { Connection } from '../../postgres/connection.js';
import type { Relation } from './list-relations.js';

/** Number, type and modifier of each column of `relation`: differs once an ALTER TABLE has changed what a row is. */
export const rowShape = `
      coalesce((
        select string_agg(format('%s:%s:%s', a.attnum, a.atttypid, a.atttypmod), ' ' order by a.attnum)
        from pg_catalog.pg_attribute a
        where a.attrelid = relation.oid and a.attnum > 0 and not a.attisdropped
      ), '') as shape`;

/**
 * Whether a relation is no longer what a snapshot's catalogs said, by the catalogs as they are now.
 *
 * TRUNCATE and the rewriting forms of ALTER TABLE are not MVCC-safe (manual, "Caveats" of Concurrency Control): after them an
 * older snapshot finds the table empty. They show as a new relfilenode. VACUUM FULL and CLUSTER would do no harm, but cannot be
 * told from those.
 *
 * @returns what happened, or undefined.
 */
export async function changeSince(client: Connection, relation: Relation): Promise<string | undefined> {
  const { rows } = await client.query<Pick<Relation, 'schema' | 'name' | 'filenode' | 'shape'>>({
    // Prepared once a session: this runs once a relation.
    name: 'pgdrill-change-since',
    text: `
      select n.nspname as schema, relation.relname as name, relation.relfilenode::text as filenode, ${rowShape}
      from pg_catalog.pg_class relation
      join pg_catalog.pg_namespace n on n.oid = relation.relnamespace
      where relation.oid = $1::oid
    `,
    values: [relation.oid],
  });
  const [now] = rows;
  if (now === undefined) return 'dropped on the source while it was being read';
  if (now.schema !== relation.schema || now.name !== relation.name) {
    return `renamed on the source to ${now.schema}.${now.name} while it was being read`;
  }
  if (now.filenode !== relation.filenode) {
    return 'truncated or rewritten on the source while it was being read (TRUNCATE, ALTER TABLE, VACUUM FULL, CLUSTER, REFRESH)';
  }
  if (now.shape !== relation.shape) return 'altered on the source while it was being read';
  return undefined;
}
