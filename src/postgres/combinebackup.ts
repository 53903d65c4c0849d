import { RepositoryError, ToolError } from '../errors.js';
import { runTool } from '../process/run-tool.js';
import type { StepContext } from '../process/step-context.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';

/**
 * Makes a data directory of a chain (oldest first; a lone full backup is simply copied) with `pg_combinebackup`. The result shares
 * no files with the backups (`--link` would). It does not verify them: do that first.
 *
 * @param tablespaces for each tablespace: where the *final* backup has its files → where the result shall have them.
 * @throws RepositoryError where the links do not fit together.
 */
export async function combineBackups(
  tools: PostgresTools,
  request: {
    chain: readonly string[];
    output: string;
    tablespaces: readonly { from: string; to: string }[];
    lockPath: string;
    sync: boolean;
  },
  context: StepContext,
): Promise<void> {
  try {
    await combine(tools, request, context);
  } catch (error) {
    throw asMisfit(error);
  }
}

async function combine(
  tools: PostgresTools,
  request: Parameters<typeof combineBackups>[1],
  context: StepContext,
): Promise<void> {
  await runTool({
    file: toolPath(tools, 'pg_combinebackup'),
    args: [
      ...request.chain,
      '-o',
      request.output,
      ...request.tablespaces.flatMap(({ from, to }) => [
        '-T',
        `${from.replaceAll('=', '\\=')}=${to.replaceAll('=', '\\=')}`,
      ]),
      ...(request.sync ? [] : ['--no-sync']),
    ],
    env: toolEnvironment(tools),
    signal: context.signal,
    writesTo: request.output,
    lock: { path: request.lockPath, operation: context.operation, attempt: context.attempt },
  });
}

/** PostgreSQL source, pg_combinebackup.c and reconstruct.c: what no second try mends. */
const misfit =
  /starts at LSN|starts on timeline|first backup should be a full|system identifier|incremental magic number|in excess of segment size|could not open file ".*INCREMENTAL|offset \d+: read \d+ of \d+/;

function asMisfit(error: unknown): unknown {
  if (!(error instanceof ToolError) || !misfit.test(error.stderrTail)) return error;
  return new RepositoryError(
    {
      what: `The chain cannot be combined: ${error.stderrTail.trim().replaceAll(/\s*\n\s*/g, ' ')}`,
      means:
        'Its links are whole, each by itself, but do not belong together: one was exchanged, or files are missing.',
      todo: 'Restore from another chain; take a new full backup now, and find out who changed the repository.',
    },
    { cause: error },
  );
}
