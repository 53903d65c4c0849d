import { realpath } from 'node:fs/promises';

import { codeOf, SandboxError } from '../errors.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import { sandboxConninfo } from '../restore/sandbox.js';
import type { RestoredContext } from './context.js';

/**
 * Tries to break something in the databases of the restored server, one after the other in an order of chance, until one try succeeds.
 * Each runs in a transaction without triggers and foreign keys; what PostgreSQL refuses (a constraint, a dependency) is rolled back and
 * the next is tried.
 *
 * @param list what could be broken in a database.
 * @param attempt breaks it and says what was broken; undefined where there was nothing to break.
 */
export async function breakInDatabases<T>(
  context: RestoredContext,
  list: (client: Connection) => Promise<readonly T[]>,
  attempt: (client: Connection, item: T, database: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  for (const database of context.chance.shuffle(await inRestored(context, 'postgres', listDatabases))) {
    const broke = await inRestored(context, database, async (client) => {
      await client.query(`set session_replication_role = replica`);
      for (const item of context.chance.shuffle(await list(client))) {
        await client.query('begin');
        const sentence = await attempt(client, item, database).catch((error: unknown) => {
          if (!/^[0-9A-Z]{5}$/.test(codeOf(error) ?? '')) throw error;
          return undefined;
        });
        await client.query(sentence === undefined ? 'rollback' : 'commit');
        if (sentence !== undefined) return sentence;
      }
      return undefined;
    });
    if (broke !== undefined) return broke;
  }
  return undefined;
}

/** Works in the restored server, having made sure by its own answer that it is that one. */
export async function inRestored<T>(
  { sandbox, signal }: RestoredContext,
  dbname: string,
  work: (client: Connection) => Promise<T>,
): Promise<T> {
  return await withConnection(
    sandboxConninfo(sandbox),
    async (client) => {
      const { rows } = await client.query<{ place: string }>(`select current_setting('data_directory') as place`);
      const place = rows[0]?.place ?? '';
      if ((await realpath(place)) !== (await realpath(sandbox.dataDirectory))) throw anotherServer(place);
      return await work(client);
    },
    { overrides: { dbname }, signal },
  );
}

async function listDatabases(client: Connection): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select datname as name from pg_database where datallowconn and not datistemplate order by datname`,
  );
  return rows.map(({ name }) => name);
}

export interface RestoredTable {
  /** Quoted, with its schema. */
  name: string;
  columns: RestoredColumn[];
}

export interface RestoredColumn {
  /** Quoted. */
  name: string;
  type: string;
  /** Part of a unique index. */
  unique: boolean;
}

/** Tables of people (not of the system) with what can be written of them. */
export async function listTables(client: Connection): Promise<RestoredTable[]> {
  const { rows } = await client.query<RestoredTable>(`
    select
      format('%I.%I', n.nspname, c.relname) as name,
      json_agg(json_build_object(
        'name', quote_ident(a.attname),
        'type', format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null),
        'unique', exists (
          select from pg_index i where i.indrelid = c.oid and i.indisunique and a.attnum = any (i.indkey)
        )
      ) order by a.attnum) as columns
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    join pg_type t on t.oid = a.atttypid
    where c.relkind = 'r' and c.relpersistence = 'p' and c.oid >= 16384
    group by c.oid, n.nspname, c.relname
    order by c.oid
  `);
  return rows;
}

function anotherServer(place: string): SandboxError {
  return new SandboxError({
    what: `The server that answers at the sandbox's socket works in ${place}.`,
    means: 'It is another server than the one that was made to be broken; nothing was changed.',
    todo: 'Find out what runs there.',
  });
}
