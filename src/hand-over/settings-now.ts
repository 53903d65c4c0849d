import { messageOf, ToolError } from '../errors.js';
import { serverEnvironment } from '../postgres/instance.js';
import { runTool } from '../process/run-tool.js';
import { type PostgresTools, toolPath } from '../toolchain/postgres.js';

/** What decides whether a recovered server can take the source's place. All without a unit, so that the figures can be compared. */
export const comparedSettings = [
  'port',
  'listen_addresses',
  'unix_socket_directories',
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
  'max_replication_slots',
  'shared_preload_libraries',
  'wal_level',
  'wal_log_hints',
  'full_page_writes',
  'summarize_wal',
  'archive_mode',
  'archive_library',
  'archive_command',
  'synchronous_standby_names',
  'max_logical_replication_workers',
] as const;

/**
 * The settings that a stopped server would start with, by all its configuration files (`postgres -C`).
 *
 * @returns the values, or why the server would not start.
 */
export async function settingsNow(
  tools: PostgresTools,
  dataDirectory: string,
): Promise<{ values: Map<string, string>; problem?: string }> {
  const values = new Map<string, string>();
  try {
    for (const name of comparedSettings) {
      const { stdout } = await runTool({
        file: toolPath(tools, 'postgres'),
        args: ['-D', dataDirectory, '-C', name],
        env: serverEnvironment(tools),
      });
      values.set(name, stdout.replace(/\n$/, ''));
    }
  } catch (error) {
    return { values, problem: error instanceof ToolError ? error.stderrTail.trim() : messageOf(error) };
  }
  return { values };
}
