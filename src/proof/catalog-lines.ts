import type { Conninfo } from '../postgres/conninfo.js';
import { withConnection } from '../postgres/connection.js';
import { beginReading, fixSessionSettings } from './reading-session.js';

/**
 * What pg_dump does not show of a database: versions of extensions and collations (a restored index is only as good as the
 * collation it was built with), and settings of roles in this database. One line each, in a fixed order, as SQL comments.
 */
export async function catalogLines(options: {
  connection: Conninfo;
  snapshot?: string | undefined;
  signal: AbortSignal;
}): Promise<string[]> {
  return await withConnection(
    options.connection,
    async (client) => {
      await fixSessionSettings(client);
      await beginReading(client, options.snapshot);
      const { rows } = await client.query<{ line: string }>(
        `
        select line
        from (
          select 1, format('-- extension %I version %s schema %s', extname, extversion, extnamespace::regnamespace)
          from pg_extension
          union all
          select 2, format('-- collation %s version %s', oid::regcollation, collversion)
          from pg_collation
          where collversion is not null
          union all
          select 3, format('-- database collation version %s', datcollversion)
          from pg_database
          where datname = current_database()
          union all
          select 4, format('-- setting of role %s in database %s: %s', coalesce(r.rolname, 'any'), coalesce(d.datname, 'any'), setting)
          from pg_db_role_setting s
          cross join unnest(s.setconfig) setting
          left join pg_roles r on r.oid = s.setrole
          left join pg_database d on d.oid = s.setdatabase
          where s.setdatabase = 0 or d.datname = current_database()
        ) as lines (section, line)
        order by section, line collate "C"
        `,
      );
      await client.query('commit');
      return rows.map(({ line }) => line);
    },
    { signal: options.signal },
  );
}
