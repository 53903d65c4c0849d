import { AccessError, UnreachableError } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import { type ForkId, keyOfFork } from './relation-files.js';

interface Named {
  ordinal: number;
  kind: string;
  name: string;
  owner: string | null;
}

/**
 * What people call the relations behind file names: `table public.orders in database shop`, `TOAST table of public.orders in …`. A file
 * name means something inside its own database only, so each database is asked. What cannot be found out (dropped meanwhile, no
 * right to connect) is called by its file.
 *
 * @returns by `keyOfFork`.
 */
export async function nameRelations(
  connection: Conninfo,
  forks: readonly ForkId[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const names = new Map(forks.map((fork) => [keyOfFork(fork), describeFile(fork)]));
  if (forks.length === 0) return names;
  const databases = await withConnection(connection, listDatabases, { signal });
  for (const oid of new Set(forks.map(({ database }) => database))) {
    const those = forks.filter(({ database }) => database === oid);
    const database = databases.get(oid);
    if (oid !== 0 && database === undefined) continue;
    const where = database === undefined ? ' (shared by all databases)' : ` in database ${database}`;
    try {
      const found = await withConnection(connection, (client) => lookUp(client, those), {
        signal,
        ...(database === undefined ? {} : { overrides: { dbname: database } }),
      });
      for (const { ordinal, kind, name, owner } of found) {
        const fork = those[ordinal - 1];
        if (fork !== undefined) names.set(keyOfFork(fork), `${kind} ${owner === null ? name : `of ${owner}`}${where}`);
      }
    } catch (error) {
      if (!(error instanceof AccessError) && !(error instanceof UnreachableError)) throw error;
    }
  }
  return names;
}

async function listDatabases(client: Connection): Promise<Map<number, string>> {
  const { rows } = await client.query<{ oid: number; name: string }>(
    `select oid, datname as name from pg_database where datallowconn`,
  );
  return new Map(rows.map(({ oid, name }) => [oid, name]));
}

async function lookUp(client: Connection, forks: readonly ForkId[]): Promise<Named[]> {
  const { rows } = await client.query<Named>(
    `
    select
      asked.ordinal::int as ordinal,
      case c.relkind
        when 'm' then 'materialized view'
        when 'i' then 'index'
        when 'S' then 'sequence'
        when 't' then 'TOAST table'
        else 'table'
      end as kind,
      format('%I.%I', c.relnamespace::regnamespace, c.relname) as name,
      (
        select format('%I.%I', owner.relnamespace::regnamespace, owner.relname)
        from pg_catalog.pg_class owner
        where c.relkind = 't' and owner.reltoastrelid = c.oid
      ) as owner
    from unnest($1::oid[], $2::oid[]) with ordinality as asked (tablespace, filenode, ordinal)
    join pg_catalog.pg_class c on c.oid = pg_filenode_relation(asked.tablespace, asked.filenode)
    `,
    [forks.map(({ tablespace }) => tablespace), forks.map(({ filenode }) => filenode)],
  );
  return rows;
}

function describeFile({ tablespace, database, filenode }: ForkId): string {
  const folder =
    database === 0 ? 'global' : tablespace === 1663 ? `base/${database}` : `pg_tblspc/${tablespace}/…/${database}`;
  return `the relation with file ${folder}/${filenode}`;
}
