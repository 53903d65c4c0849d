import type { Connection } from '../../postgres/connection.js';
import { rowShape } from './change-since.js';
import { columnHashes } from './column-hash.js';
import type { RelationFingerprint } from '../fingerprint-schema.js';

/** What is to be read, as the catalogs of the current transaction's snapshot have it. */
export interface Relation {
  oid: string;
  schema: string;
  name: string;
  kind: RelationFingerprint['kind'];
  unlogged: boolean;
  /** Kept in a heap, whose blocks can be read range by range. */
  heap: boolean;
  /** Set where there is no content to read: the reason. */
  notCompared: string | null;
  /** pg_class.relfilenode: a new one means that TRUNCATE or a rewrite replaced the content. */
  filenode: string;
  /** From statistics: good for order and progress, never for a verdict. */
  estimatedBytes: number;
  /** Comma-separated SQL, one expression a column of `r`. */
  expressions: string;
  method: RelationFingerprint['method'];
  /** Number, type and modifier of each column: differs when an ALTER TABLE changed what a row is. */
  shape: string;
}

/**
 * Lists every relation of the database that holds content of its own: tables, partitions, materialized views, large objects;
 * and foreign tables, to say that they are not compared. Sizes come from the catalog's estimates, since pg_table_size
 * would wait for locks.
 */
export async function listRelations(client: Connection): Promise<Relation[]> {
  const { rows } = await client.query<Relation>(
    `
    with recursive relation as (
      select c.*
      from pg_catalog.pg_class c
      where c.relkind in ('r', 'm', 'f')
        and c.relpersistence <> 't'
        -- 16384: first oid of anything not made by initdb. Extensions may put tables into pg_catalog, so the schema does not tell.
        -- System catalogs are compared as what they mean (schema-dump.ts), not as rows; large objects have no other place.
        and (c.oid >= 16384 or c.oid in ('pg_catalog.pg_largeobject'::regclass, 'pg_catalog.pg_largeobject_metadata'::regclass))
    ),
    ${columnHashes}
    select
      relation.oid::text as oid,
      n.nspname as schema,
      relation.relname as name,
      case when relation.oid < 16384 then 'large objects' when relation.relkind = 'm' then 'materialized view' else 'table' end as kind,
      relation.relpersistence = 'u' as unlogged,
      -- Other table access methods may have no blocks, or number them otherwise.
      coalesce(am.amname = 'heap', false) as heap,
      case
        when relation.relkind = 'f' then 'a foreign table: its rows are kept elsewhere'
        when not relation.relispopulated then 'a materialized view that is not populated'
      end as "notCompared",
      relation.relfilenode::text as filenode,
      greatest(
        (greatest(relation.relpages, 0) + greatest(coalesce(toast.relpages, 0), 0))::float8 * current_setting('block_size')::int,
        pg_stat_get_live_tuples(relation.oid) * 64.0
      )::float8 as "estimatedBytes",
      coalesce(columns.expressions, '') as expressions,
      case when coalesce(columns.printed, false) then 'text' else 'record' end as method,
      ${rowShape}
    from relation
    join pg_catalog.pg_namespace n on n.oid = relation.relnamespace
    left join pg_catalog.pg_am am on am.oid = relation.relam
    left join pg_catalog.pg_class toast on toast.oid = relation.reltoastrelid
    left join columns on columns.attrelid = relation.oid
    order by n.nspname, relation.relname
    `,
  );
  return rows;
}
