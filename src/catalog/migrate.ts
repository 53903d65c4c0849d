import { ConfigurationError } from '../errors.js';
import type { Connection } from '../postgres/connection.js';
import { type Migration, migrations } from './migrations.js';

// Any fixed number: two programs that migrate at once take turns by it. ASCII "pgdrill".
const advisoryLock = '31640431107632236';

/**
 * Brings the catalog's schema up to this program's version: every missing step in one transaction, or none. Safe to run from
 * many places at once. An up-to-date schema is left alone, and needs no right to change it.
 *
 * @returns how many steps were applied.
 * @throws ConfigurationError when a newer pgdrill has already changed the schema.
 */
export async function migrate(client: Connection, steps: readonly Migration[] = migrations): Promise<number> {
  const newest = steps.at(-1)?.version ?? 0;
  const current = await schemaVersion(client);
  refuseNewer(current, newest);
  if (current === newest) return 0;
  await client.query('begin');
  try {
    await client.query('select pg_advisory_xact_lock($1)', [advisoryLock]);
    // Someone else may have migrated while we waited for the lock.
    const version = await schemaVersion(client);
    refuseNewer(version, newest);
    if (version === 0) await createHome(client);
    const missing = steps.filter((step) => step.version > version);
    for (const step of missing) {
      await client.query(step.sql);
      await client.query('insert into pgdrill.schema_migrations (version, name) values ($1, $2)', [
        step.version,
        step.name,
      ]);
    }
    await client.query('commit');
    return missing.length;
  } catch (error) {
    // The connection may be what broke: then there is nothing left to roll back.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** The number of the last step applied to this database; 0 for none. */
async function schemaVersion(client: Connection): Promise<number> {
  // Not `to_regclass`: it takes no lock, so it may answer from this session's cache what was true before we waited for the lock.
  const home = await client.query(
    `select from pg_class
     where relname = 'schema_migrations' and relnamespace = (select oid from pg_namespace where nspname = 'pgdrill')`,
  );
  if (home.rowCount === 0) return 0;
  const { rows } = await client.query<{ version: number }>(
    'select coalesce(max(version), 0) as version from pgdrill.schema_migrations',
  );
  return rows[0]?.version ?? 0;
}

async function createHome(client: Connection): Promise<void> {
  // `create schema if not exists` wants the right to create one even where it is there: an administrator may have made it for us.
  const home = await client.query(`select from pg_namespace where nspname = 'pgdrill'`);
  if (home.rowCount === 0) await client.query('create schema pgdrill');
  await client.query(`
    create table if not exists pgdrill.schema_migrations (
      version integer primary key,
      name text not null,
      applied_at timestamptz not null default now()
    )`);
}

function refuseNewer(current: number, newest: number): void {
  if (current <= newest) return;
  throw new ConfigurationError({
    what: `The catalog's schema has version ${current}, and this pgdrill knows versions up to ${newest}.`,
    means: 'A newer pgdrill has been here. Writing with the older one could spoil the history.',
    todo: 'Upgrade this pgdrill, or give it a catalog database of its own.',
  });
}
