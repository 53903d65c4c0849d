import type { Connection } from '../postgres/connection.js';
import type { Finding } from '../schema/results.js';

interface Prevention {
  database: string;
  /** null on 17, which has the setting per table only. */
  vacuumTruncate: boolean | null;
  checksums: boolean;
  walLogHints: boolean;
  /** 0: for ever. */
  keepMinutes: number;
  /** Tables (and TOAST tables) of this database whose end VACUUM may cut off, and the first by name. */
  cuttable: number;
  firstCuttable: string | null;
}

/** Less than this, and a parent from before a long weekend has no summaries left. */
const leastKeepMinutes = 4 * 24 * 60;

/** Run in each database, in psql: catalogs cannot be altered. TOAST tables do not follow their table's setting. */
const setOnEveryTable =
  `select format('alter table %s set (vacuum_truncate = off, toast.vacuum_truncate = off)', oid::regclass) ` +
  `from pg_class where relkind in ('r', 'm') and relpersistence = 'p' and oid >= 16384 \\gexec`;

/**
 * What keeps PostgreSQL's own incremental backups from being wrong (docs/postgresql-incremental-faults.md). Advice only: a cluster that
 * follows none of it is still backed up and restored rightly, with more full backups. `--fix` leaves all of it alone, since each has a price.
 */
export async function adviseOnFaults(client: Connection): Promise<Finding[]> {
  const now = await readPrevention(client);
  return now === undefined ? [] : [truncation(now), ...hints(now), summaries(now)];
}

async function readPrevention(client: Connection): Promise<Prevention | undefined> {
  const { rows } = await client.query<Prevention>(
    `
    with
    tables as (
      select
        coalesce(owner.oid, c.oid)::regclass::text as name,
        coalesce(
          (select option_value::boolean from pg_options_to_table(c.reloptions) where option_name = 'vacuum_truncate'),
          current_setting('vacuum_truncate', true)::boolean,
          true
        ) as cuttable
      from pg_class c
      left join pg_class owner on c.relkind = 't' and owner.reltoastrelid = c.oid
      where c.relkind in ('r', 'm', 't') and c.relpersistence = 'p' and c.oid >= 16384
    )
    select
      current_database() as database,
      current_setting('vacuum_truncate', true)::boolean as "vacuumTruncate",
      current_setting('data_checksums')::boolean as checksums,
      current_setting('wal_log_hints')::boolean as "walLogHints",
      (select setting::int from pg_settings where name = 'wal_summary_keep_time') as "keepMinutes",
      (select count(*)::int from tables where cuttable) as cuttable,
      (select min(name) from tables where cuttable) as "firstCuttable"
    `,
  );
  return rows[0];
}

function truncation({ database, vacuumTruncate, cuttable, firstCuttable }: Prevention): Finding {
  const name = 'vacuum_truncate';
  const some = `${cuttable} tables of database ${database} (${firstCuttable ?? ''}${cuttable > 1 ? ', …' : ''})`;
  if (cuttable === 0 && vacuumTruncate !== true)
    return {
      name,
      level: 'ok',
      message:
        vacuumTruncate === false
          ? 'vacuum_truncate = off: VACUUM leaves the ends of tables alone'
          : `VACUUM leaves the ends of all tables of database ${database} alone; each database has its own`,
    };
  const risk =
    'PostgreSQL’s own incremental backups can then restore wrong rows. pgdrill judges each one and uses none that is wrong, but each such one costs a full backup.';
  if (vacuumTruncate === false)
    return {
      name,
      level: 'warning',
      message: `vacuum_truncate is off, but VACUUM may still cut off the ends of ${some}, which override it. ${risk}`,
      fix: `alter table ${firstCuttable ?? ''} reset (vacuum_truncate, toast.vacuum_truncate);`,
    };
  return {
    name,
    level: 'warning',
    message: `VACUUM may cut off the ends of ${vacuumTruncate === null ? some : 'tables'}. ${risk}`,
    fix: vacuumTruncate === null ? setOnEveryTable : 'alter system set vacuum_truncate = off; select pg_reload_conf();',
  };
}

function hints({ checksums, walLogHints }: Prevention): Finding[] {
  if (checksums || walLogHints) return [];
  return [
    {
      name: 'data_checksums',
      level: 'warning',
      message:
        'Data checksums and wal_log_hints are both off: damaged pages go unnoticed, and an incremental backup can carry a stale visibility map. Better still than wal_log_hints: pg_checksums --enable while the server is stopped.',
      fix: 'alter system set wal_log_hints = on;',
      needsRestart: true,
    },
  ];
}

function summaries({ keepMinutes }: Prevention): Finding {
  const name = 'wal_summary_keep_time';
  if (keepMinutes === 0 || keepMinutes >= leastKeepMinutes)
    return {
      name,
      level: 'ok',
      message: `WAL summaries are kept ${keepMinutes === 0 ? 'for ever' : `for ${(keepMinutes / 1_440).toFixed(0)} days`}`,
    };
  return {
    name,
    level: 'warning',
    message: `WAL summaries are kept for ${(keepMinutes / 60).toFixed(1)} hours only: without them an incremental can neither be taken nor judged, and becomes a full.`,
    fix: `alter system set wal_summary_keep_time = '10d'; select pg_reload_conf();`,
  };
}
