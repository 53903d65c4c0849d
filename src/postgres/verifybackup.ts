import { RepositoryError, ToolError } from '../errors.js';
import { runTool } from '../process/run-tool.js';
import type { StepContext } from '../process/step-context.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';

/**
 * Verifies one backup against its manifest with `pg_verifybackup`: every file, its checksum, and the WAL it needs for itself.
 * (It skips postgresql.auto.conf, signal files and WAL beyond; see its manual page.)
 *
 * @param name how messages call the backup.
 * @param options.skipChecksums true where somebody else reads the files: then it looks which are there, how long they are, and at the WAL.
 * @throws RepositoryError that quotes what the tool found.
 */
export async function verifyBackup(
  tools: PostgresTools,
  directory: string,
  name: string,
  context: StepContext,
  options: { skipChecksums?: boolean } = {},
): Promise<void> {
  try {
    await runTool({
      file: toolPath(tools, 'pg_verifybackup'),
      args: [options.skipChecksums === true ? '--skip-checksums' : '--progress', directory],
      env: toolEnvironment(tools),
      signal: context.signal,
      onStderrLine: (line) => {
        const progress = /(\d+)\/(\d+) kB \(/.exec(line);
        if (progress === null) return;
        context.progress({
          doing: `verifying ${name}`,
          doneBytes: Number(progress[1]) * 1024,
          totalBytes: Number(progress[2]) * 1024,
        });
      },
    });
  } catch (error) {
    if (!(error instanceof ToolError) || error.toolExitCode !== 1) throw error;
    const findings = error.stderrTail
      .split(/[\r\n]+/)
      .filter((line) => line.startsWith('pg_verifybackup: '))
      .map((line) => line.replace(/^pg_verifybackup: (error: )?/, ''));
    throw new RepositoryError(
      {
        what: `Backup ${name} does not match its manifest: ${findings.slice(0, 5).join('; ') || error.stderrTail.trim()}.`,
        means:
          'The files in the repository are not those that were backed up: the backup is damaged and must not be restored.',
        todo: 'Take a new full backup now, and find out what changed the files (disk, people, programs).',
      },
      { cause: error },
    );
  }
}
