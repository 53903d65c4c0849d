import pg from 'pg';

import { bypassRowSecurity, grantOf, type NeededPrivilege, neededPrivileges } from '../doctor/needed-privileges.js';

/** One line of SQL, and why it is there. */
export interface Statement {
  sql: string;
  why: string;
}

/** What is known of the role and the cluster. Without it, everything is granted that any cluster may ask for. */
export interface RoleFacts {
  exists: boolean;
  /** Names of `neededPrivileges` that it has already. */
  held: readonly string[];
  /** Databases that PUBLIC may not connect to, and the role may not either. */
  closedDatabases: readonly string[];
  /** Whether any database has tables with row security that the role does not see in full. */
  rowSecurity: boolean;
}

const nothingKnown: RoleFacts = { exists: false, held: [], closedDatabases: [], rowSecurity: false };

/**
 * The SQL for a role that can do everything pgdrill does, and nothing else. For a superuser to run, in the database that pgdrill is
 * to connect to: the right to call a function belongs to one database.
 *
 * @returns no statements where the role has everything.
 */
export function roleStatements(role: string, facts: RoleFacts = nothingKnown): Statement[] {
  const quoted = pg.escapeIdentifier(role);
  const wanted: NeededPrivilege[] = [
    ...neededPrivileges.filter(({ name }) => !facts.held.includes(name)),
    ...(facts.rowSecurity ? [bypassRowSecurity] : []),
  ];
  return [
    ...(facts.exists ? [] : [{ sql: `create role ${quoted} login;`, why: 'all steps: the role that they connect as' }]),
    ...wanted.map((privilege) => ({ sql: grantOf(privilege, quoted), why: privilege.neededFor })),
    ...facts.closedDatabases.map((database) => ({
      sql: `grant connect on database ${pg.escapeIdentifier(database)} to ${quoted};`,
      why: 'LSN capture, validation: it is closed to PUBLIC, and each database is read',
    })),
  ];
}

/** The same as one text, for a cluster of which nothing is known. */
export function roleSql(role: string): string {
  return roleStatements(role)
    .map(({ sql }) => sql)
    .join('\n');
}
