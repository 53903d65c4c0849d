import { runTool } from '../process/run-tool.js';
import type { StepContext } from '../process/step-context.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';

/**
 * Makes a data directory of a chain (oldest first; a lone full backup is simply copied) with `pg_combinebackup`. The result shares
 * no files with the backups (`--link` would). It does not verify them: do that first.
 *
 * @param tablespaces for each tablespace: where the *final* backup has its files → where the result shall have them.
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
