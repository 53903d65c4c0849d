import type { Conninfo } from '../postgres/conninfo.js';
import { withConnection } from '../postgres/connection.js';

/** A table of the source that the proof compares, and its files below a data directory. */
export interface SourceTable {
  /** `orders of database shop`, for people. */
  name: string;
  path: string;
  /** Its length now: what lies behind was cut off since the backup. */
  blocks: number;
  /** No column was dropped, and none is of a type that pads its values: every byte at a row's end is content. */
  plain: boolean;
  /** Its B-tree indexes, in which every row has an entry. */
  indexes: { name: string; path: string; blocks: number }[];
}

interface Row {
  name: string;
  path: string;
  blocks: number;
  plain: boolean;
  indexes: { name: string; path: string; blocks: number }[] | null;
}

/** Asks the source which of its files hold which tables, in every database that a drill compares. */
export async function listSourceTables(source: Conninfo, signal: AbortSignal): Promise<SourceTable[]> {
  const databases = await withConnection(
    source,
    async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `select datname as name from pg_database
          where datallowconn and not datistemplate and has_database_privilege(datname, 'connect') order by datname`,
      );
      return rows.map(({ name }) => name);
    },
    { signal },
  );
  const tables: SourceTable[] = [];
  for (const dbname of databases) {
    const { rows } = await withConnection(
      source,
      (client) =>
        client.query<Row>(
          `
          with size as (select current_setting('block_size')::int as block)
          select
            format('%I.%I', n.nspname, c.relname) as name,
            pg_relation_filepath(c.oid) as path,
            (pg_relation_size(c.oid) / size.block)::float8 as blocks,
            not exists (
              select from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0
                and (a.attisdropped or a.atttypid <> all (array[
                  'int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric', 'bool', 'text', 'varchar', 'bpchar', 'bytea', 'uuid',
                  'date', 'time', 'timestamp', 'timestamptz', 'interval', 'json', 'jsonb'
                ]::regtype[]))
            ) as plain,
            (
              select json_agg(json_build_object(
                'name', format('%I.%I', n.nspname, x.relname),
                'path', pg_relation_filepath(x.oid),
                'blocks', pg_relation_size(x.oid) / size.block
              ) order by x.oid)
              from pg_index i
              join pg_class x on x.oid = i.indexrelid
              join pg_am am on am.oid = x.relam and am.amname = 'btree'
              where i.indrelid = c.oid and i.indisvalid and i.indisready and i.indpred is null
            ) as indexes
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
          join pg_am heap on heap.oid = c.relam and heap.amname = 'heap'
          cross join size
          where c.relkind in ('r', 'm') and c.relpersistence = 'p' and c.relispopulated
            and c.oid >= 16384 -- the catalogs are compared by what they mean, not by their rows
            and pg_relation_size(c.oid) > 0
            and size.block = 8192 -- what reads pages here knows no other size
          order by c.oid
          `,
        ),
      { overrides: { dbname }, signal },
    );
    for (const row of rows)
      tables.push({ ...row, name: `${row.name} of database ${dbname}`, indexes: row.indexes ?? [] });
  }
  return tables;
}
