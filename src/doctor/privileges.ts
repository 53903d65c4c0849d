import type { Connection } from '../postgres/connection.js';
import type { Finding } from '../schema/results.js';

interface Privileges {
  role: string;
  superuser: boolean;
  replication: boolean;
  bypassRls: boolean;
  readAll: boolean;
  monitor: boolean;
  switchWal: boolean;
  restorePoint: boolean;
}

/** Whether our role may do all that a drill needs, and no more than it has to. Fixes are SQL for a superuser to run. */
export async function checkPrivileges(client: Connection): Promise<Finding[]> {
  const { rows } = await client.query<Privileges>(
    `select current_user as role,
            rolsuper as superuser,
            rolreplication as replication,
            rolbypassrls as "bypassRls",
            pg_has_role(current_user, 'pg_read_all_data', 'usage') as "readAll",
            pg_has_role(current_user, 'pg_monitor', 'usage') as monitor,
            has_function_privilege('pg_switch_wal()', 'execute') as "switchWal",
            has_function_privilege('pg_create_restore_point(text)', 'execute') as "restorePoint"
       from pg_roles
      where rolname = current_user`,
  );
  const [has] = rows;
  if (has === undefined) return [];
  const role = `"${has.role.replaceAll('"', '""')}"`;
  if (has.superuser) {
    return [
      {
        name: 'privileges',
        level: 'warning',
        message: `${has.role} is a superuser: pgdrill needs far less.`,
        fix: `create role pgdrill login replication bypassrls; grant pg_read_all_data, pg_monitor to pgdrill; grant execute on function pg_switch_wal(), pg_create_restore_point(text) to pgdrill;`,
      },
    ];
  }
  const missing = (name: string, message: string, fix: string, level: Finding['level'] = 'error'): Finding => ({
    name,
    level,
    message,
    fix,
  });
  const findings: Finding[] = [];
  if (!has.replication)
    findings.push(missing('replication', `${has.role} may not take backups.`, `alter role ${role} replication;`));
  if (!has.readAll)
    findings.push(
      missing(
        'pg_read_all_data',
        `${has.role} cannot read every table, so content could not be compared.`,
        `grant pg_read_all_data to ${role};`,
      ),
    );
  if (!has.monitor)
    findings.push(
      missing('pg_monitor', `${has.role} cannot see the archiver and other sessions.`, `grant pg_monitor to ${role};`),
    );
  if (!has.switchWal)
    findings.push(
      missing(
        'pg_switch_wal',
        `${has.role} may not switch WAL segments.`,
        `grant execute on function pg_switch_wal() to ${role};`,
      ),
    );
  if (!has.restorePoint) {
    findings.push(
      missing(
        'pg_create_restore_point',
        `${has.role} may not create restore points.`,
        `grant execute on function pg_create_restore_point(text) to ${role};`,
      ),
    );
  }
  if (!has.bypassRls) {
    const rls = await client.query<{ tables: string }>(
      `select count(*)::text as tables from pg_class where relrowsecurity and relkind in ('r', 'p')`,
    );
    if (rls.rows[0]?.tables !== '0') {
      findings.push(
        missing(
          'bypassrls',
          `${has.role} sees tables with row security only in part: their content cannot be proven.`,
          `alter role ${role} bypassrls;`,
          'warning',
        ),
      );
    }
  }
  return findings.length > 0
    ? findings
    : [{ name: 'privileges', level: 'ok', message: `${has.role} has what a drill needs, and is no superuser` }];
}
