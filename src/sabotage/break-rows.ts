import type { Connection } from '../postgres/connection.js';
import type { Break, RestoredContext } from './context.js';
import { nothingToBreak } from './nothing-to-break.js';
import { breakInDatabases, listTables, type RestoredColumn, type RestoredTable } from './restored-database.js';

/** For a value of a type: an expression of another value. What the sentence says names places only: values may be personal data. */
function otherValue({ name, type }: RestoredColumn): string | undefined {
  if (['text', 'character varying', 'character'].includes(type)) return `${name} || '.'`;
  if (['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision', 'date', 'money'].includes(type))
    return type === 'money' ? `${name} + 1::money` : `${name} + 1`;
  if (type === 'boolean') return `not ${name}`;
  if (type.startsWith('timestamp') || type === 'interval') return `${name} + interval '1 second'`;
  if (type === 'uuid') return `gen_random_uuid()`;
  if (type === 'jsonb') return `jsonb_build_array(${name})`;
  if (type === 'bytea') return `${name} || '\\x00'::bytea`;
  return undefined;
}

export const rowChanged: Break<RestoredContext> = async (context) => {
  const broke = await breakInDatabases(
    context,
    async (client) =>
      (await listTables(client)).flatMap((table) => table.columns.map((column) => ({ table: table.name, column }))),
    async (client, { table, column }, database) => {
      const value = otherValue(column);
      if (value === undefined) return undefined;
      const place = await one(
        client,
        `update only ${table} set ${column.name} = ${value}
          where ctid = (
            -- infinity plus one is infinity
            select ctid from only ${table} where ${column.name} is not null and (${value}) is distinct from ${column.name} limit 1
          )
         returning ctid::text as answer`,
      );
      return (
        place && `column ${column.name} of row ${place} of table ${table} of database ${database} has another value`
      );
    },
  );
  return broke ?? noTable();
};

export const rowAdded: Break<RestoredContext> = async (context) => {
  const broke = await breakInDatabases(context, listTables, async (client, table, database) => {
    const place = await one(
      client,
      `insert into ${table.name} (${names(table)}) overriding system value
       select ${table.columns.map((column) => newKey(column, table.name)).join(', ')} from only ${table.name} limit 1
       returning ctid::text as answer`,
    );
    return place && `table ${table.name} of database ${database} has one row more, at ${place}`;
  });
  return broke ?? noTable();
};

export const rowRemoved: Break<RestoredContext> = async (context) => {
  const broke = await breakInDatabases(context, listTables, async (client, table, database) => {
    const place = await one(
      client,
      `delete from only ${table.name} where ctid = (select ctid from only ${table.name} limit 1) returning ctid::text as answer`,
    );
    return place && `row ${place} of table ${table.name} of database ${database} is gone`;
  });
  return broke ?? noTable();
};

/** The same row again, but for its keys. */
function newKey(column: RestoredColumn, table: string): string {
  if (!column.unique) return column.name;
  return ['smallint', 'integer', 'bigint', 'numeric'].includes(column.type)
    ? `(select max(${column.name}) + 1 from only ${table})`
    : (otherValue(column) ?? column.name);
}

/** Deletes a row and writes the very same again: a dead row on its page, and the content as it was. */
export async function rewriteRow(client: Connection, table: RestoredTable): Promise<string | undefined> {
  return await one(
    client,
    `with place as (select ctid from only ${table.name} limit 1),
          gone as (delete from only ${table.name} where ctid = (select ctid from place) returning ${names(table)}),
          anew as (insert into ${table.name} (${names(table)}) overriding system value select * from gone returning 1)
     select place.ctid::text as answer from place, anew`,
  );
}

export async function one(client: Connection, sql: string, values: unknown[] = []): Promise<string | undefined> {
  const { rows } = await client.query<{ answer: string }>(sql, values);
  return rows[0]?.answer;
}

function names({ columns }: RestoredTable): string {
  return columns.map(({ name }) => name).join(', ');
}

function noTable(): never {
  throw nothingToBreak('No table has a row that could be changed this way.');
}
