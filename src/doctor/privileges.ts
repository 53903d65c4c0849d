import pg from 'pg';

import type { Connection } from '../postgres/connection.js';
import type { Finding } from '../schema/results.js';
import { findExcess } from './excess-privileges.js';
import { bypassRowSecurity, grantOf, heldBy, neededPrivileges } from './needed-privileges.js';

/**
 * Whether our role may do all that pgdrill needs, and no more. What is missing is an error, since a step would fail; what is too much a
 * warning. Fixes are SQL for a superuser to run.
 */
export async function checkPrivileges(client: Connection): Promise<Finding[]> {
  const { name: role, superuser } = await whoAreWe(client);
  if (superuser) {
    return [
      {
        name: 'privileges',
        level: 'warning',
        message: `${role} is a superuser: pgdrill needs far less.`,
        fix: 'pgdrill init prints the SQL for a role that has no more than it needs; then name that role in the configuration.',
      },
    ];
  }
  const findings = [...(await findMissing(client, role)), ...(await findExcess(client, role))];
  if (findings.some(({ level }) => level !== 'ok')) return findings;
  return [
    { name: 'privileges', level: 'ok', message: `${role} has what a drill needs and no more, and is no superuser` },
    ...findings,
  ];
}

async function whoAreWe(client: Connection): Promise<{ name: string; superuser: boolean }> {
  const { rows } = await client.query<{ name: string; superuser: boolean }>(
    `select rolname as name, rolsuper as superuser from pg_roles where rolname = current_user`,
  );
  return rows[0] ?? { name: '', superuser: false };
}

async function findMissing(client: Connection, role: string): Promise<Finding[]> {
  const quoted = pg.escapeIdentifier(role);
  const all = [...neededPrivileges, bypassRowSecurity];
  const { rows } = await client.query<{ held: boolean[]; closed: string[]; guarded: boolean }>(
    `select array[${all.map((privilege) => heldBy(privilege, 'current_user')).join(', ')}] as held,
            array(select datname::text from pg_database
                   where datallowconn and not datistemplate and not has_database_privilege(oid, 'connect')
                   order by datname) as closed,
            exists (select from pg_class where relrowsecurity and relkind in ('r', 'p')) as guarded`,
  );
  const { held = [], closed = [], guarded = false } = rows[0] ?? {};
  return [
    ...all.flatMap((privilege, at): Finding[] => {
      const optional = privilege === bypassRowSecurity;
      if (held[at] === true || (optional && !guarded)) return [];
      return [
        {
          name: privilege.name,
          level: optional ? 'warning' : 'error',
          message: `${role} ${privilege.without}`,
          fix: grantOf(privilege, quoted),
        },
      ];
    }),
    ...closed.map((database): Finding => ({
      name: 'connect',
      level: 'error',
      message: `${role} may not connect to database ${database}, so its content could not be compared.`,
      fix: `grant connect on database ${pg.escapeIdentifier(database)} to ${quoted};`,
    })),
  ];
}
