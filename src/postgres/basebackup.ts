import { type ToolResult, runTool } from '../process/run-tool.js';
import type { StepContext } from '../process/step-context.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';
import { type Conninfo, formatConninfo } from './conninfo.js';

export interface BaseBackupRequest {
  connection: Conninfo;
  /** Where the backup goes: must not exist. */
  directory: string;
  /** The parent's `backup_manifest`: then the backup is incremental. */
  parentManifest?: string;
  /** Tablespace location on the source → directory for its files. */
  tablespaces: readonly { location: string; directory: string }[];
  label: string;
  lockPath: string;
}

/**
 * Takes a physical backup with `pg_basebackup -X stream` in plain format, fsynced by the tool itself. A fast checkpoint: a drill's
 * clock should not wait for a spread one.
 *
 * @throws what runTool throws; ToolError's stderr says why the server refused.
 */
export async function runBaseBackup(
  tools: PostgresTools,
  request: BaseBackupRequest,
  context: StepContext,
): Promise<ToolResult> {
  return await runTool({
    file: toolPath(tools, 'pg_basebackup'),
    args: [
      `--dbname=${formatConninfo({ ...request.connection, application_name: 'pgdrill' })}`,
      `--pgdata=${request.directory}`,
      '--format=plain',
      '--wal-method=stream',
      '--checkpoint=fast',
      '--manifest-checksums=CRC32C',
      `--label=${request.label}`,
      '--progress',
      '--no-password',
      ...(request.parentManifest === undefined ? [] : [`--incremental=${request.parentManifest}`]),
      ...request.tablespaces.map(
        ({ location, directory }) => `--tablespace-mapping=${escapeEquals(location)}=${escapeEquals(directory)}`,
      ),
    ],
    env: toolEnvironment(tools),
    signal: context.signal,
    writesTo: request.directory,
    lock: { path: request.lockPath, operation: context.operation, attempt: context.attempt },
    onStderrLine: (line) => {
      const progress = /(\d+)\/(\d+) kB \(/.exec(line);
      if (progress === null) return;
      context.progress({
        doing: request.parentManifest === undefined ? 'copying the cluster' : 'copying what changed',
        doneBytes: Number(progress[1]) * 1024,
        totalBytes: Number(progress[2]) * 1024,
      });
    },
  });
}

/** In a tablespace mapping an equals sign belongs to a path only behind a backslash. */
function escapeEquals(path: string): string {
  return path.replaceAll('=', '\\=');
}
