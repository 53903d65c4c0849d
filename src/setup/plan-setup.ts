import { settingStatements } from '../doctor/settings.js';
import { UsageError } from '../errors.js';
import { type Conninfo, resolveService } from '../postgres/conninfo.js';
import type { Wal } from '../repository/wal-mode.js';
import { hbaLines } from './hba-lines.js';
import type { Surroundings } from './look-around.js';
import { roleStatements, type Statement } from './role-sql.js';

export interface SettingStatement extends Statement {
  needsRestart: boolean;
}

/** Everything that a cluster needs before pgdrill can protect it. */
export interface SetupPlan {
  role: string;
  /** Where the role's SQL has to be run. */
  database: string;
  roleStatements: Statement[];
  settingStatements: SettingStatement[];
  /** What SQL cannot do. */
  notes: string[];
  hbaLines: string[];
  /** Where the server says that its pg_hba.conf lies. */
  hbaFile: string;
}

/** Who and what a connection names. @throws UsageError where it names no user. */
export function roleAndDatabase(connection: Conninfo): { role: string; database: string } {
  const resolved = resolveService(connection);
  const role = resolved['user'] ?? process.env['PGUSER'];
  if (role === undefined) {
    throw new UsageError({
      what: 'The connection names no user.',
      means: 'There would be no telling which role the SQL is for.',
      todo: 'Add one to the connection, such as user=pgdrill.',
    });
  }
  // As libpq has it (manual, "Parameter Key Words").
  return { role, database: resolved['dbname'] ?? process.env['PGDATABASE'] ?? role };
}

const standbyNote =
  "The standby in backup_from has settings and a pg_hba.conf of its own. There, too: alter system set summarize_wal = 'on'; select pg_reload_conf(); and the lines for pg_hba.conf. The role comes by replication.";

/**
 * @param cluster how it is reached, and the standby that backups copy, where there is one.
 * @param archiveDirectory where WAL is to be archived to; undefined where somebody else archives it, or it is streamed.
 * @param mode how WAL reaches the repository.
 * @param seen what there is already; without it, the plan holds everything.
 */
export function planSetup(
  { connection, backupFrom }: { connection: Conninfo; backupFrom?: Conninfo },
  archiveDirectory: string | undefined,
  mode: Wal['mode'],
  seen: Surroundings | undefined,
): SetupPlan {
  const { role, database } = roleAndDatabase(connection);
  const wrong = seen?.settings.filter(({ level }) => level !== 'ok');
  const isSql = (fix: string): boolean => fix.startsWith('alter ');
  return {
    role,
    database,
    roleStatements: roleStatements(role, seen?.role),
    settingStatements:
      wrong === undefined
        ? settingStatements(archiveDirectory, mode)
        : wrong.flatMap(({ fix = '', message, needsRestart }) =>
            isSql(fix) ? [{ sql: fix, why: message, needsRestart: needsRestart === true }] : [],
          ),
    notes: [
      ...(wrong ?? []).flatMap(({ fix = '', message }) => (isSql(fix) ? [] : [`${message} ${fix}`])),
      ...(backupFrom === undefined ? [] : [standbyNote]),
    ],
    hbaLines: hbaLines(resolveService(connection), role, seen?.seenAs),
    hbaFile: seen?.hbaFile ?? 'pg_hba.conf',
  };
}

/** The plan as a script for psql: everything that is not SQL is a comment. */
export function renderScript({ role, database, hbaFile, ...plan }: SetupPlan): string {
  const width = Math.max(0, ...[...plan.roleStatements, ...plan.settingStatements].map(({ sql }) => sql.length));
  const line = ({ sql, why }: Statement, more = ''): string => `${sql.padEnd(width)}  -- ${more}${why}`;
  const restart = plan.settingStatements.some(({ needsRestart }) => needsRestart);
  const section = (title: string, lines: readonly string[], nothing: string): string[] => [
    `-- ${title}`,
    ...(lines.length > 0 ? lines : [`-- ${nothing}`]),
    '',
  ];
  return [
    `\\connect "${database.replaceAll('"', '""')}"`,
    '',
    ...section(
      `The role ${role}: it reads, replicates and marks the WAL, and changes nothing. For a superuser to run.`,
      plan.roleStatements.map((statement) => line(statement)),
      'It has all that it needs.',
    ),
    ...section(
      'Settings.',
      plan.settingStatements.map((statement) => line(statement, statement.needsRestart ? 'NEEDS A RESTART: ' : '')),
      'They are as they should be.',
    ),
    ...(plan.settingStatements.length > 0 ? ['select pg_reload_conf();', ''] : []),
    ...(restart ? ['-- Then restart the server.', ''] : []),
    ...plan.notes.map((note) => `-- ${note}\n`),
    ...section(
      `Lines that ${hbaFile} needs, unless others let the role in already (init writes none):`,
      plan.hbaLines.map((hba) => `--   ${hba}`),
      'None.',
    ),
    `-- A password, where the server asks for one: \\password ${role} in psql, and a line in the passfile (~/.pgpass) of the worker’s user.`,
  ].join('\n');
}
