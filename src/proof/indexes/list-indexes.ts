import type { Connection } from '../../postgres/connection.js';
import { hashesOfAttributes } from '../content/column-hash.js';

export interface Index {
  oid: string;
  name: string;
  tableOid: string;
  schema: string;
  table: string;
  /** The access method: btree, hash, gist, … */
  method: string;
  operatorClass: string;
  valid: boolean;
  /** True where all columns are columns of the table: only then can the planner read it index-only. */
  plainColumns: boolean;
  /** SQL of the first column, in terms of the table's column names. */
  firstColumn: string;
  /** Number of the first column in the table; 0 for an expression. */
  firstColumnNumber: number;
  /** Comma-separated SQL, one hashable expression a plain column of `r`, included ones too. */
  expressions: string;
  /** SQL of a partial index's predicate. */
  predicate: string | null;
  /** For a hash index: its equality operator, with its schema. */
  equals: string | null;
  sizeBytes: number;
}

/** Every index of the relations whose content is compared (list-relations.ts), unlogged ones aside. */
export async function listIndexes(client: Connection): Promise<Index[]> {
  const { rows } = await client.query<Index>(
    `
    with recursive index as (
      select i.*, c.relname, c.relam, n.nspname, t.relname as table_name
      from pg_catalog.pg_index i
      join pg_catalog.pg_class c on c.oid = i.indexrelid and c.relkind = 'i'
      join pg_catalog.pg_class t on t.oid = i.indrelid
      join pg_catalog.pg_namespace n on n.oid = t.relnamespace
      where t.relkind in ('r', 'm')
        and t.relpersistence = 'p'
        and (t.oid >= 16384 or t.oid in ('pg_catalog.pg_largeobject'::regclass, 'pg_catalog.pg_largeobject_metadata'::regclass))
    ),
    attribute as (
      select index.indexrelid as attrelid, key.position as attnum, a.attname, a.atttypid, a.attcollation
      from index
      cross join unnest(index.indkey::int2[]) with ordinality as key (attnum, position)
      join pg_catalog.pg_attribute a on a.attrelid = index.indrelid and a.attnum = key.attnum
    ),
    ${hashesOfAttributes.trim()}
    select
      index.indexrelid::text as oid,
      index.relname as name,
      index.indrelid::text as "tableOid",
      index.nspname as schema,
      index.table_name as table,
      am.amname as method,
      opc.opcname as "operatorClass",
      index.indisvalid and index.indisready as valid,
      0 <> all (index.indkey::int2[]) as "plainColumns",
      pg_get_indexdef(index.indexrelid, 1, false) as "firstColumn",
      index.indkey[0]::int as "firstColumnNumber",
      coalesce(columns.expressions, '') as expressions,
      pg_get_expr(index.indpred, index.indrelid) as predicate,
      equals.operator as equals,
      pg_relation_size(index.indexrelid)::float8 as "sizeBytes"
    from index
    join pg_catalog.pg_am am on am.oid = index.relam
    join pg_catalog.pg_opclass opc on opc.oid = index.indclass[0]
    left join columns on columns.attrelid = index.indexrelid
    left join lateral (
      select format('operator(%I.%s)', n.nspname, o.oprname) as operator
      from pg_catalog.pg_amop amop
      join pg_catalog.pg_operator o on o.oid = amop.amopopr
      join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
      where am.amname = 'hash'
        and amop.amopfamily = opc.opcfamily
        and amop.amoplefttype = opc.opcintype
        and amop.amoprighttype = opc.opcintype
    ) equals on true
    order by index.nspname, index.table_name, index.relname
    `,
  );
  return rows;
}
