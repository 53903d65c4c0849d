import type { Connection } from '../postgres/connection.js';
import type { Wal } from '../repository/wal-mode.js';
import type { Finding } from '../schema/results.js';

interface WantedSetting {
  name: string;
  /** Whether the value in force will do. */
  good: (value: string) => boolean;
  value: string;
  needsRestart: boolean;
  level: 'error' | 'warning';
  why: string;
}

/** What the source has to have set. `archiveDirectory` undefined: the archive is somebody else's, only its working is checked. */
function wantedSettings(archiveDirectory: string | undefined, mode: Wal['mode']): WantedSetting[] {
  const is = (expected: string) => (value: string) => value === expected;
  return [
    {
      name: 'wal_level',
      good: (value) => value === 'replica' || value === 'logical',
      value: 'replica',
      needsRestart: true,
      level: 'error',
      why: 'below replica the WAL cannot restore a backup',
    },
    ...(mode === 'archive'
      ? [
          {
            name: 'archive_mode',
            good: (value: string) => value === 'on' || value === 'always',
            value: 'on',
            needsRestart: true,
            level: 'error' as const,
            why: 'WAL is not archived: only the moments of the backups themselves could be restored',
          },
        ]
      : mode === 'command'
        ? []
        : [
            {
              name: 'max_slot_wal_keep_size',
              good: (value: string) => value !== '-1',
              value: '20GB',
              needsRestart: false,
              level: 'warning' as const,
              why: 'without a limit, a stream that stands for long fills the source’s disk, and the source stops',
            },
          ]),
    {
      name: 'summarize_wal',
      good: is('on'),
      value: 'on',
      needsRestart: false,
      level: 'error',
      why: 'without WAL summaries there are no incremental backups',
    },
    {
      name: 'full_page_writes',
      good: is('on'),
      value: 'on',
      needsRestart: false,
      level: 'error',
      why: 'pages torn by a crash or copied while written cannot be mended',
    },
    {
      name: 'max_wal_senders',
      good: (value) => Number(value) >= 3,
      value: '10',
      needsRestart: true,
      level: 'error',
      why: 'a backup needs two of them',
    },
    ...(archiveDirectory === undefined
      ? []
      : [
          {
            name: 'archive_library',
            good: is('basic_archive'),
            value: 'basic_archive',
            needsRestart: false,
            level: 'error' as const,
            why: 'basic_archive copies segments whole, fsynced and safely repeatable, which shell commands do not',
          },
          {
            name: 'basic_archive.archive_directory',
            good: is(archiveDirectory),
            value: archiveDirectory,
            needsRestart: false,
            level: 'error' as const,
            why: 'WAL has to arrive in the repository',
          },
        ]),
  ];
}

/** The SQL that sets everything, for a server that was not looked at. @param archiveDirectory as for `checkSettings`. */
export function settingStatements(
  archiveDirectory: string | undefined,
  mode: Wal['mode'],
): { sql: string; why: string; needsRestart: boolean }[] {
  return wantedSettings(archiveDirectory, mode).map((setting) => ({
    sql: setSql(setting),
    why: setting.why,
    needsRestart: setting.needsRestart,
  }));
}

function setSql({ name, value }: WantedSetting): string {
  return `alter system set ${name} = '${value.replaceAll("'", "''")}';`;
}

/**
 * Compares the source's settings with what pgdrill needs. Says which ones need a restart, and which are set but not active yet.
 */
export async function checkSettings(
  client: Connection,
  archiveDirectory: string | undefined,
  mode: Wal['mode'] = 'archive',
): Promise<Finding[]> {
  const wanted = wantedSettings(archiveDirectory, mode);
  const { rows } = await client.query<{ name: string; setting: string | null; pending: boolean }>(
    `select wanted.name,
            current_setting(wanted.name, true) as setting,
            coalesce(s.pending_restart, false) as pending
       from unnest($1::text[]) as wanted (name)
       left join pg_settings s on s.name = wanted.name`,
    [wanted.map(({ name }) => name)],
  );
  const now = new Map(rows.map((row) => [row.name, row]));
  const findings = wanted.map((setting): Finding => {
    const row = now.get(setting.name);
    const value = row?.setting ?? '';
    if (setting.good(value)) return { name: setting.name, level: 'ok', message: `${setting.name} = ${value}` };
    if (row?.pending === true) {
      return {
        name: setting.name,
        level: setting.level,
        message: `${setting.name} is set but not active: the server has not been restarted since (in force: "${value}").`,
        fix: 'Restart the server.',
        needsRestart: true,
      };
    }
    return {
      name: setting.name,
      level: setting.level,
      message: `${setting.name} is "${value}": ${setting.why}.`,
      fix: setSql(setting),
      needsRestart: setting.needsRestart,
    };
  });
  // An archive_command beside archive_library is an error of the server's: it has to be emptied first.
  const command = await client.query<{ setting: string }>(`select current_setting('archive_command') as setting`);
  const given = command.rows[0]?.setting ?? '';
  if (archiveDirectory !== undefined && given !== '' && given !== '(disabled)') {
    findings.unshift({
      name: 'archive_command',
      level: 'error',
      message: `archive_command is set ("${given.slice(0, 80)}"); the server takes either a command or a library.`,
      fix: `alter system set archive_command = '';`,
      needsRestart: false,
    });
  }
  return findings;
}
