import { heldBy, neededPrivileges } from '../doctor/needed-privileges.js';
import { checkSettings } from '../doctor/settings.js';
import { AccessError, UsageError } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import { readSource } from '../postgres/source.js';
import type { Wal } from '../repository/wal-mode.js';
import type { Finding } from '../schema/results.js';
import type { RoleFacts } from './role-sql.js';

/** What a cluster has already of what pgdrill needs. */
export interface Surroundings {
  role: RoleFacts;
  /** The doctor's findings on the settings: those that are not `ok` have a fix. */
  settings: Finding[];
  hbaFile: string;
  /** The address under which the server sees this host; undefined over a Unix socket. */
  seenAs: string | undefined;
}

/**
 * Looks at a cluster as somebody who may see everything.
 *
 * @param admin a superuser's connection, to the database that pgdrill is to connect to.
 * @param archiveDirectory and `mode` as for `checkSettings`.
 * @throws SourceNotReadyError (too old, a standby), AccessError where `admin` is no superuser, UsageError where the role is one.
 */
export async function lookAround(
  admin: Conninfo,
  role: string,
  archiveDirectory: string | undefined,
  mode: Wal['mode'],
): Promise<Surroundings> {
  return await withConnection(admin, async (client) => {
    await readSource(client);
    const { rows } = await client.query<{
      who: string;
      mayAll: boolean;
      exists: boolean;
      superuser: boolean;
      hbaFile: string | null;
      seenAs: string | null;
      databases: string[];
    }>(
      `select current_user as who,
              (select rolsuper from pg_roles where rolname = current_user) as "mayAll",
              exists (select from pg_roles where rolname = $1) as exists,
              exists (select from pg_roles where rolname = $1 and rolsuper) as superuser,
              current_setting('hba_file', true) as "hbaFile",
              host(inet_client_addr()) as "seenAs",
              array(select datname::text from pg_database where datallowconn and not datistemplate order by datname) as databases`,
      [role],
    );
    const [facts] = rows;
    if (facts?.mayAll !== true) {
      throw new AccessError({
        what: `${facts?.who ?? 'The role'} is no superuser.`,
        means: 'Roles with REPLICATION are made, and settings changed, by superusers.',
        todo: 'Name a superuser with --as, such as --as user=postgres, or have the SQL that init prints run by one.',
      });
    }
    if (facts.superuser) throw roleIsSuperuser(role);
    return {
      role: { exists: facts.exists, ...(await roleFacts(client, admin, role, facts)) },
      settings: await checkSettings(client, archiveDirectory, mode),
      hbaFile: facts.hbaFile ?? 'pg_hba.conf',
      seenAs: facts.seenAs ?? undefined,
    };
  });
}

function roleIsSuperuser(role: string): UsageError {
  return new UsageError({
    what: `${role} is a superuser of the cluster.`,
    means: 'pgdrill needs far less, and a role that may do everything can also destroy everything.',
    todo: 'Name a role of its own in the connection, such as user=pgdrill: init makes it. Use the superuser with --as only.',
  });
}

async function roleFacts(
  client: Connection,
  admin: Conninfo,
  role: string,
  { exists, databases }: { exists: boolean; databases: readonly string[] },
): Promise<Omit<RoleFacts, 'exists'>> {
  const held = exists
    ? (
        await client.query<{ held: boolean[] }>(
          `select array[${neededPrivileges.map((privilege) => heldBy(privilege, '$1::name')).join(', ')}] as held`,
          [role],
        )
      ).rows[0]?.held
    : undefined;
  const closed = await client.query<{ name: string }>(
    `select datname as name from pg_database
      where datallowconn and not datistemplate and not has_database_privilege($1::name, oid, 'connect')
      order by datname`,
    [exists ? role : 'public'],
  );
  const bypasses = await client.query(`select from pg_roles where rolname = $1 and rolbypassrls`, [role]);
  return {
    held: neededPrivileges.filter((_, at) => held?.[at] === true).map(({ name }) => name),
    closedDatabases: closed.rows.map(({ name }) => name),
    rowSecurity: bypasses.rows.length === 0 && (await anyRowSecurity(admin, databases)),
  };
}

async function anyRowSecurity(admin: Conninfo, databases: readonly string[]): Promise<boolean> {
  for (const dbname of databases) {
    const found = await withConnection(
      admin,
      (client) => client.query(`select from pg_class where relrowsecurity and relkind in ('r', 'p') limit 1`),
      { overrides: { dbname } },
    );
    if (found.rows.length > 0) return true;
  }
  return false;
}
