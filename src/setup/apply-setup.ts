import type { Conninfo } from '../postgres/conninfo.js';
import { withConnection } from '../postgres/connection.js';
import type { SetupPlan } from './plan-setup.js';

/**
 * Runs a plan's SQL: the role's in one transaction, the settings one by one (ALTER SYSTEM takes no transaction), then a reload. Never
 * restarts a server, never writes pg_hba.conf.
 *
 * @param admin a superuser's connection, to the plan's database.
 * @returns what was done, a line each.
 */
export async function applySetup(plan: SetupPlan, admin: Conninfo): Promise<string[]> {
  return await withConnection(admin, async (client) => {
    const done: string[] = [];
    if (plan.roleStatements.length > 0) {
      await client.query('begin');
      for (const { sql } of plan.roleStatements) await client.query(sql);
      await client.query('commit');
      done.push(...plan.roleStatements.map(({ sql }) => sql));
    }
    for (const { sql, needsRestart } of plan.settingStatements) {
      if (sql.includes('basic_archive.')) await client.query(`load 'basic_archive'`); // else its setting is unknown
      await client.query(sql);
      done.push(needsRestart ? `${sql} -- needs a restart` : sql);
    }
    if (plan.settingStatements.length > 0) await client.query('select pg_reload_conf()');
    return done;
  });
}
