import { runTool } from '../process/run-tool.js';
import type { StepContext } from '../process/step-context.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';
import { type Conninfo, formatConninfo } from './conninfo.js';

/** pg_receivewal calls itself this in pg_stat_replication. */
export const receiverName = 'pgdrill_stream';

/**
 * Receives WAL into a directory with `pg_receivewal` until it is cancelled or the connection breaks (`--no-loop`: whoever supervises it wants
 * to look why). It goes on where the directory's newest segment ends, follows timelines, writes `.partial`, and fsyncs and renames what is
 * finished (PostgreSQL manual, "pg_receivewal"). It tells the server every second how far it is.
 *
 * @param endpos stop behind this position.
 * @throws what runTool throws; ToolError's stderr says why it ended.
 */
export async function runReceiveWal(
  tools: PostgresTools,
  request: {
    connection: Conninfo;
    directory: string;
    slot: string;
    synchronous: boolean;
    lockPath: string;
    endpos?: string;
    onStderrLine?: (line: string) => void;
  },
  context: Pick<StepContext, 'signal' | 'operation' | 'attempt'>,
): Promise<void> {
  await runTool({
    file: toolPath(tools, 'pg_receivewal'),
    args: [
      `--dbname=${formatConninfo({ ...request.connection, application_name: receiverName })}`,
      `--directory=${request.directory}`,
      `--slot=${request.slot}`,
      '--status-interval=1',
      '--no-loop',
      '--no-password',
      ...(request.synchronous ? ['--synchronous'] : []),
      ...(request.endpos === undefined ? [] : [`--endpos=${request.endpos}`]),
    ],
    env: toolEnvironment(tools),
    signal: context.signal,
    writesTo: request.directory,
    lock: { path: request.lockPath, operation: context.operation, attempt: context.attempt },
    ...(request.onStderrLine === undefined ? {} : { onStderrLine: request.onStderrLine }),
  });
}
