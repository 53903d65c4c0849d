import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, withConnection } from '../postgres/connection.js';

/** Where pg_amcheck's functions go: a schema that can be dropped whole. */
export const amcheckSchema = 'pgdrill_amcheck';

/** Every database that takes connections, templates too: nothing else uses a sandbox, so looking into them disturbs nobody. */
export async function listConnectable(superuser: Conninfo, signal: AbortSignal): Promise<string[]> {
  return await withConnection(
    superuser,
    async (client: Connection) => {
      const { rows } = await client.query<{ name: string }>(
        `select datname as name from pg_database where datallowconn order by datname`,
      );
      return rows.map(({ name }) => name);
    },
    { signal },
  );
}

/** Drops what an earlier attempt's checks may have left in the sandbox: it would look like a difference to the source. */
export async function dropOwnSchemas(
  superuser: Conninfo,
  databases: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const dbname of databases) {
    await withConnection(
      superuser,
      (client) =>
        client.query(
          `do $$
           declare own name;
           begin
             for own in select nspname from pg_namespace where nspname ~ '^pgdrill_(amcheck$|usable_)' loop
               execute format('drop schema %I cascade', own);
             end loop;
           end $$`,
        ),
      { overrides: { dbname }, signal },
    );
  }
}

export async function createSchema(
  superuser: Conninfo,
  databases: readonly string[],
  schema: string,
  signal: AbortSignal,
): Promise<void> {
  for (const dbname of databases) {
    await withConnection(superuser, (client) => client.query(`create schema ${schema}`), {
      overrides: { dbname },
      signal,
    });
  }
}
