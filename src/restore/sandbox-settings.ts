import type { ControlData } from '../postgres/controldata.js';
import { compressionOf } from '../repository/wal-files.js';
import type { ResolvedTarget } from '../schema/results.js';
import { shellQuoted } from '../schema/shell-word.js';

/** These keep a sandbox apart from everything else; the configuration cannot change them (design, invariant 4). */
const isolation: Readonly<Record<string, string>> = {
  listen_addresses: '',
  archive_mode: 'off',
  archive_library: '',
  archive_command: '',
  archive_cleanup_command: '',
  recovery_end_command: '',
  primary_conninfo: '',
  primary_slot_name: '',
  synchronous_standby_names: '',
  max_logical_replication_workers: '0',
  shared_preload_libraries: '',
  session_preload_libraries: '',
  local_preload_libraries: '',
  autovacuum: 'off',
  summarize_wal: 'off',
  wal_level: 'replica',
  hot_standby: 'on',
  recovery_target_action: 'pause',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_line_prefix: '%m [%p] ',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  ssl: 'off',
  event_triggers: 'off',
};

export const isolationSettings: ReadonlySet<string> = new Set([
  ...Object.keys(isolation),
  'unix_socket_directories',
  'port',
  'restore_command',
  'hba_file',
  'ident_file',
  'data_directory',
]);

/** Where recovery stops is the drill's business, too: a second recovery_target would keep the server from starting. */
function isFixed(name: string): boolean {
  return isolationSettings.has(name) || name.startsWith('recovery_target');
}

/**
 * How the server makes sure, before it replays, that all it found is on disk. By default it opens and fsyncs every file, which takes longer
 * than anything else where there are many; preparation has fsynced them all already. One syncfs for the file system, which only Linux has,
 * gives the same promise (PostgreSQL manual, "recovery_init_sync_method").
 */
const initialSync: Readonly<Record<string, string>> =
  process.platform === 'linux' ? { recovery_init_sync_method: 'syncfs' } : {};

export interface SandboxSettingsRequest {
  control: ControlData;
  target: ResolvedTarget;
  restoreCommand: string;
  /** Whether the backup holds tablespaces inside `pg_tblspc` itself (`allow_in_place_tablespaces`). */
  inPlaceTablespaces: boolean;
  socketDirectory: string;
  configDirectory: string;
  port: number;
  /** From the cluster's configuration. */
  wanted: Readonly<Record<string, string>>;
}

/** The whole `postgresql.conf` of a sandbox: nothing of the source's own configuration is read. */
export function sandboxSettings(request: SandboxSettingsRequest): Record<string, string> {
  const { control, target } = request;
  const wanted = Object.fromEntries(Object.entries(request.wanted).filter(([name]) => !isFixed(name)));
  return {
    shared_buffers: '256MB',
    ...initialSync,
    ...roomForSegments(control.walSegmentSizeBytes),
    ...wanted,
    // At least the source's: else recovery stops at the first record that needs more.
    ...Object.fromEntries(
      Object.entries(control.required).map(([name, value]) => [
        name,
        String(
          Math.max(
            value,
            Number(wanted[name] ?? 0),
            name === 'max_locks_per_transaction' ? locksPerTransaction(control) : 0,
          ),
        ),
      ]),
    ),
    track_commit_timestamp: control.trackCommitTimestamp ? 'on' : 'off',
    ...isolation,
    // Without it, recovery takes them for tablespaces that got lost, and ends. Only where there are some: else they would be just that.
    ...(request.inPlaceTablespaces ? { allow_in_place_tablespaces: 'on' } : {}),
    port: String(request.port),
    unix_socket_directories: request.socketDirectory,
    unix_socket_permissions: '0700',
    hba_file: `${request.configDirectory}/pg_hba.conf`,
    ident_file: `${request.configDirectory}/pg_ident.conf`,
    restore_command: request.restoreCommand,
    recovery_target_timeline: String(target.timeline),
    ...target.settings,
  };
}

/**
 * The server refuses to start where `min_wal_size` or `max_wal_size` hold fewer than two segments, and its defaults (80 MB, 1 GB) are made
 * for segments of 16 MB: initdb writes others where segments are larger, but a sandbox reads nothing of the source's configuration.
 */
function roomForSegments(segmentBytes: number): Record<string, string> {
  const least = (2 * segmentBytes) / 1024 ** 2;
  return {
    ...(least > 80 ? { min_wal_size: `${least}MB` } : {}),
    ...(least > 1_024 ? { max_wal_size: `${least}MB` } : {}),
  };
}

/** pg_dump locks every table of a database at once, and so do the checks: room for so many, about 20 MB of memory. */
const leastLocks = 65_536;

function locksPerTransaction({ required }: ControlData): number {
  return Math.ceil(leastLocks / (required.max_connections + required.max_prepared_transactions));
}

export function formatSettings(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
    .join('');
}

/**
 * A `restore_command` that takes a finished segment from the archive, plain or compressed, and else, as the last resort, the sandbox's own
 * copy of the one that was still being received. It tells "this file is not archived" (1: recovery looks elsewhere or ends) from "the
 * archive cannot be reached, or read" (126: above 125 the server stops, rather than taking it for the end of WAL; PostgreSQL manual,
 * "restore_command"). A segment may be compressed between two looks: so each form is tried before anything is called unreadable.
 *
 * @param lastSegments where the sandbox keeps its copy of the segment that was still being received, if one is needed.
 */
export function restoreCommand(walDirectory: string, lastSegments?: string): string {
  const quote = (path: string): string => shellQuoted(path).replaceAll('%', '%%');
  const directory = quote(walDirectory);
  const compressed = Object.entries(compressionOf);
  const own = lastSegments === undefined ? '' : `${quote(lastSegments)}/%f`;
  return [
    `test -f ${directory}/%f && cp ${directory}/%f "%p" && exit 0`,
    ...compressed.map(([suffix, program]) => {
      const file = `${directory}/%f.${suffix}`;
      return `test -f ${file} && ${program} -dc ${file} > "%p" && exit 0`;
    }),
    ...(own === '' ? [] : [`test -f ${own} && cp ${own} "%p" && exit 0`]),
    `test -d ${directory} || exit 126`,
    `for file in ${directory}/%f ${compressed.map(([suffix]) => `${directory}/%f.${suffix}`).join(' ')} ${own}; do test -f "$file" && exit 126; done`,
    'exit 1',
  ].join('; ');
}
