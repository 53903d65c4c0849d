import type { Conninfo } from '../../postgres/conninfo.js';
import { type Connection, withConnection } from '../../postgres/connection.js';
import type { Newest } from './business-schema.js';
import { explainNoAnswer } from './explain-no-answer.js';
import { beginReading, fixSessionSettings } from '../reading-session.js';
import { replacedTables } from './replaced-tables.js';

/** How many columns of a database are looked at, of its biggest tables first: a person reads the newest few. */
const mostColumns = 20;

/** One descent into an index takes no time, unless its end is full of dead entries. */
const timeoutMs = 30_000;

/** It is not worth more: whoever holds the table would have others queue behind us. */
const lockTimeoutMs = 5_000;

export interface NewestOptions {
  connection: Conninfo;
  database: string;
  /** As pg_export_snapshot() gave it, *in this database*. The sandbox stands still and needs none. */
  snapshot?: string | undefined;
  signal: AbortSignal;
}

type Column = Omit<Newest, 'newest'>;

/** Which columns of a database to look at. Partitioned tables as a whole, and before all others. */
export async function listTimestamps(options: NewestOptions): Promise<{ columns: Column[]; leftOut: number }> {
  return await inSession(options, async (client) => {
    await beginReading(client, options.snapshot);
    const { rows } = await client.query<Column & { total: number }>(
      `
      select
        current_database() as database,
        n.nspname as schema,
        c.relname as table,
        a.attname as column,
        a.atttypid = 'timestamptz'::regtype as zoned,
        (count(*) over ())::int as total
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_attribute a on a.attrelid = c.oid
      where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p' and c.oid >= 16384
        and a.atttypid in ('timestamptz'::regtype, 'timestamp'::regtype)
        and exists (
          select
          from pg_catalog.pg_index i
          join pg_catalog.pg_class x on x.oid = i.indexrelid
          join pg_catalog.pg_am am on am.oid = x.relam
          where i.indrelid = c.oid and i.indisvalid and i.indpred is null and i.indkey[0] = a.attnum and am.amname = 'btree'
        )
      order by c.relkind = 'p' desc, c.relpages desc, n.nspname, c.relname, a.attnum
      limit ${mostColumns}
      `,
    );
    await client.query('rollback');
    const columns = rows.map(({ database, schema, table, column, zoned }) => ({
      database,
      schema,
      table,
      column,
      zoned,
    }));
    return { columns, leftOut: (rows[0]?.total ?? 0) - columns.length };
  });
}

/**
 * The newest value of each column, from the end of its index: unlike the fingerprint, which reads tables from one end to the
 * other, and at next to no cost.
 */
export async function readNewest(options: NewestOptions, columns: readonly Column[]): Promise<Newest[]> {
  if (columns.length === 0) return [];
  return await inSession(options, async (client) => {
    const found: Newest[] = [];
    for (const column of columns) {
      const { database, schema, table, zoned } = column;
      found.push({
        database,
        schema,
        table,
        column: column.column,
        zoned,
        newest: await newestOf(client, column, options),
      });
    }
    return found;
  });
}

async function newestOf(
  client: Connection,
  { schema, table, column }: Column,
  { snapshot }: NewestOptions,
): Promise<Newest['newest']> {
  await beginReading(client, snapshot, [
    `set local statement_timeout = ${timeoutMs}`,
    // Also where the table is small: the index is what is to be read.
    'set local enable_seqscan = off',
  ]);
  try {
    const { rows } = await client.query<{ newest: string | null }>(
      `select max(${client.escapeIdentifier(column)})::text as newest
         from ${client.escapeIdentifier(schema)}.${client.escapeIdentifier(table)}`,
    );
    const replaced = snapshot === undefined ? [] : await replacedTables(client);
    await client.query('rollback');
    if (replaced.length > 0) {
      return {
        cause: 'circumstance',
        reason: 'it was truncated, rewritten or replaced on the source after the fence',
      };
    }
    return rows[0]?.newest ?? null;
  } catch (error) {
    const newest = explainNoAnswer(error, timeoutMs);
    await client.query('rollback');
    return newest;
  }
}

async function inSession<T>(options: NewestOptions, work: (client: Connection) => Promise<T>): Promise<T> {
  return await withConnection(
    options.connection,
    async (client) => {
      await fixSessionSettings(client, { lockTimeoutMs });
      return await work(client);
    },
    { overrides: { dbname: options.database }, signal: options.signal },
  );
}
