import { withConnection } from '../postgres/connection.js';
import { sandboxConninfo } from '../restore/sandbox.js';
import type { RestoredFacts } from '../schema/hand-over.js';
import type { Sandbox } from '../schema/results.js';

/** So many unlogged tables are named: the rest is counted. */
const mostNamed = 20;

/** Looks around in a recovered server that is open: what a restore never brings back, and what acts by itself once it runs for real. */
export async function readRestoredFacts(sandbox: Sandbox, signal: AbortSignal): Promise<RestoredFacts> {
  const conninfo = sandboxConninfo(sandbox);
  const facts = await withConnection(
    conninfo,
    async (client) => {
      const databases = await client.query<{ name: string; sizeBytes: string }>(
        `select datname as name, pg_database_size(oid)::text as "sizeBytes" from pg_database where datallowconn and not datistemplate order by datname`,
      );
      const subscriptions = await client.query<{ database: string; name: string }>(
        `select d.datname as database, s.subname as name from pg_subscription s join pg_database d on d.oid = s.subdbid where s.subenabled order by 1, 2`,
      );
      const prepared = await client.query<{ database: string; gid: string }>(
        `select database, gid from pg_prepared_xacts order by prepared`,
      );
      const library = await client.query<{ setting: string }>(`select setting from pg_config where name = 'PKGLIBDIR'`);
      return {
        libraryDirectory: library.rows[0]?.setting ?? '',
        databases: databases.rows,
        subscriptions: subscriptions.rows,
        preparedTransactions: prepared.rows,
      };
    },
    { signal },
  );
  const unlogged: string[] = [];
  const missingExtensions: RestoredFacts['missingExtensions'] = [];
  for (const { name: database } of facts.databases)
    await withConnection(
      { ...conninfo, dbname: database },
      async (client) => {
        const tables = await client.query<{ name: string }>(
          `select format('%I.%I.%I', current_database(), n.nspname, c.relname) as name
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where c.relpersistence = 'u' and c.relkind = 'r'
              order by 1`,
        );
        unlogged.push(...tables.rows.map(({ name }) => name));
        const extensions = await client.query<{ name: string }>(
          `select extname as name from pg_extension where extname not in (select name from pg_available_extensions) order by 1`,
        );
        missingExtensions.push(...extensions.rows.map(({ name }) => ({ database, name })));
      },
      { signal },
    );
  return {
    ...facts,
    missingExtensions,
    databases: facts.databases.map(({ name, sizeBytes }) => ({ name, sizeBytes: Number(sizeBytes) })),
    unlogged: { count: unlogged.length, first: unlogged.slice(0, mostNamed) },
  };
}
