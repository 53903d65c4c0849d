import { didYouMean } from '../schema/closest.js';
import { UsageError } from '../errors.js';
import { withConnection } from '../postgres/connection.js';
import { sandboxConninfo } from '../restore/sandbox.js';
import type { TableName } from '../schema/extraction.js';
import type { Sandbox } from '../schema/results.js';
import { formatTableName } from './table-name.js';

/**
 * Looks whether a sandbox has what is to be extracted.
 *
 * @throws UsageError that names what is missing, what has a similar name, and how to look around.
 */
export async function findTables(
  sandbox: Sandbox,
  wanted: { database: string; tables: readonly TableName[] },
  signal: AbortSignal,
): Promise<void> {
  const { database, tables } = wanted;
  const conninfo = sandboxConninfo(sandbox);
  const databases = await withConnection(
    conninfo,
    async (client) => {
      const { rows } = await client.query<{ name: string }>(
        'select datname as name from pg_database where datallowconn order by 1',
      );
      return rows.map(({ name }) => name);
    },
    { signal },
  );
  if (!databases.includes(database)) {
    throw notThere(
      `There was no database "${database}" at this point.${didYouMean(database, databases)} It had: ${databases.join(', ')}.`,
      sandbox,
    );
  }
  if (tables.length === 0) return;
  const there = await withConnection(
    { ...conninfo, dbname: database },
    async (client) => {
      const { rows } = await client.query<TableName>(
        `select n.nspname as schema, c.relname as table
           from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where c.relkind in ('r', 'p', 'm', 'v', 'S', 'f') and n.nspname not like 'pg\\_toast%'
          order by 1, 2`,
      );
      return rows;
    },
    { signal },
  );
  const names = there.map(formatTableName);
  const missing = tables.filter((table) => !names.includes(formatTableName(table)));
  if (missing.length === 0) return;
  const each = missing.map(
    (table) =>
      `There was no table ${formatTableName(table)} in database ${database} at this point.${hint(table, there)}`,
  );
  throw notThere(each.join(' '), sandbox);
}

/** A name that is right but for its schema or its case is nearer than one with other letters. */
function hint(wanted: TableName, there: readonly TableName[]): string {
  const same = there.filter(({ table }) => table.toLowerCase() === wanted.table.toLowerCase()).map(formatTableName);
  if (same.length > 0) return ` There was ${same.slice(0, 5).join(', ')}.`;
  return didYouMean(formatTableName(wanted), there.map(formatTableName));
}

function notThere(what: string, sandbox: Sandbox): UsageError {
  return new UsageError({
    what,
    means: 'Nothing was written. Perhaps it was made later, or dropped before, or has another name.',
    todo: `Look around: psql -h ${sandbox.socketDirectory} -p ${sandbox.port} -U ${sandbox.superuser} postgres (as the user that PostgreSQL runs as). Then start again with the right name or another target.`,
  });
}
