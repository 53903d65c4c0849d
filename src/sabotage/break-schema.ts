import { one } from './break-rows.js';
import type { Break, RestoredContext } from './context.js';
import { nothingToBreak } from './nothing-to-break.js';
import { breakInDatabases } from './restored-database.js';

/** The body of one function of people's own. */
export const functionBodyChanged: Break<RestoredContext> = async (context) => {
  const broke = await breakInDatabases(
    context,
    async (client) => {
      const { rows } = await client.query<{ oid: string; name: string }>(`
        select p.oid::text as oid, p.oid::regprocedure::text as name
        from pg_proc p
        join pg_language l on l.oid = p.prolang and l.lanname in ('sql', 'plpgsql')
        where p.oid >= 16384 and p.prosqlbody is null
          -- pg_dump says nothing of what an extension brought along
          and not exists (
            select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
          )
        order by p.oid`);
      return rows;
    },
    async (client, { oid, name }, database) => {
      const sql = `update pg_proc set prosrc = prosrc || E'\\n-- changed' where oid = $1::oid returning proname as answer`;
      return (await one(client, sql, [oid])) && `the body of function ${name} of database ${database} is another`;
    },
  );
  if (broke === undefined)
    throw nothingToBreak('No database has a function in SQL or PL/pgSQL that is not an extension’s.');
  return broke;
};

/** A role that owns nothing: that it is gone shows nowhere else. */
export const roleDropped: Break<RestoredContext> = async (context) => {
  const broke = await breakInDatabases(
    context,
    async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `select rolname as name from pg_roles where oid >= 16384 and rolname <> all ($1) order by oid`,
        [[context.role, context.sandbox.superuser]],
      );
      return rows;
    },
    async (client, { name }) => {
      await client.query(`drop role ${client.escapeIdentifier(name)}`);
      return `role ${name} is gone`;
    },
  );
  if (broke === undefined) throw nothingToBreak('There is no role that owns nothing.');
  return broke;
};
