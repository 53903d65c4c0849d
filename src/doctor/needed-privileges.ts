/** One thing that pgdrill's role must be able to do on a source, and which step of the runbook does it. */
export interface NeededPrivilege {
  /** Short and stable: the name of the doctor's finding where it is missing. */
  name: string;
  /** An attribute of the role, membership in another role, or a function in the database that pgdrill connects to. */
  kind: 'attribute' | 'membership' | 'function';
  /** What is granted: `replication`, `pg_monitor`, `pg_switch_wal()`. */
  what: string;
  /** The steps that need it, and what for: read behind each line of SQL. */
  neededFor: string;
  /** What the role cannot do without it, to be read after the role's name. */
  without: string;
}

/**
 * All that pgdrill needs on a source, and nothing else: `pgdrill init` grants it, `pgdrill doctor` looks for it, and the tests run with it.
 * Each is asked for by what it was seen to be refused (test/setup/role.test.ts takes them away one by one).
 */
export const neededPrivileges: readonly NeededPrivilege[] = [
  {
    name: 'replication',
    kind: 'attribute',
    what: 'replication',
    neededFor:
      'base backup, incremental backup, WAL streaming: they open replication connections, and a stream makes its slot',
    without: 'may not take backups.',
  },
  {
    name: 'pg_read_all_data',
    kind: 'membership',
    what: 'pg_read_all_data',
    neededFor: 'LSN capture, validation: every table is read for its fingerprint, every schema by pg_dump',
    without: 'cannot read every table, so content could not be compared.',
  },
  {
    name: 'pg_monitor',
    kind: 'membership',
    what: 'pg_monitor',
    neededFor:
      'archive check: all settings, the sizes of databases; LSN capture: who else is committing; WAL streaming: how far it is',
    without: 'cannot see the archiver and other sessions.',
  },
  {
    name: 'pg_switch_wal',
    kind: 'function',
    what: 'pg_switch_wal()',
    neededFor: 'archive check, LSN capture: the WAL up to here is to be archived now',
    without: 'may not switch WAL segments.',
  },
  {
    name: 'pg_create_restore_point',
    kind: 'function',
    what: 'pg_create_restore_point(text)',
    neededFor: 'archive check, LSN capture: marks the place in the WAL',
    without: 'may not create restore points.',
  },
];

/** Only where there are tables with row security: a policy would hide rows from the proof. */
export const bypassRowSecurity: NeededPrivilege = {
  name: 'bypassrls',
  kind: 'attribute',
  what: 'bypassrls',
  neededFor: 'LSN capture, validation: tables with row security are read whole',
  without: 'sees tables with row security only in part: their content cannot be proven.',
};

/** The SQL that gives it. @param role as an identifier, quoted where it has to be. */
export function grantOf({ kind, what }: NeededPrivilege, role: string): string {
  if (kind === 'attribute') return `alter role ${role} ${what};`;
  return kind === 'membership' ? `grant ${what} to ${role};` : `grant execute on function ${what} to ${role};`;
}

/** SQL that says whether the role named by an expression has it, for a role that exists. */
export function heldBy({ kind, what }: NeededPrivilege, role: string): string {
  if (kind === 'membership') return `pg_has_role(${role}, '${what}', 'usage')`;
  if (kind === 'function') return `has_function_privilege(${role}, '${what}', 'execute')`;
  return `(select rol${what} or rolsuper from pg_roles where rolname = ${role})`;
}
