import type { Connection } from '../postgres/connection.js';
import type { Source } from '../postgres/source.js';
import type { StepContext } from '../process/step-context.js';
import { waitForSegment } from '../repository/wal-archive.js';
import type { Wal } from '../repository/wal-mode.js';
import type { Finding } from '../schema/results.js';
import { explainNoArrival } from './wal-arrival.js';

/**
 * Proves that WAL arrives: writes a record, switches the segment and waits for that very segment in the archive.
 *
 * @throws SourceNotReadyError when it does not arrive in time.
 */
export async function proveArchiving(
  client: Connection,
  source: Source,
  { walDirectory, archiveTimeoutMs: timeoutMs, wal }: { walDirectory: string; archiveTimeoutMs: number; wal?: Wal },
  context: StepContext,
): Promise<Finding> {
  // A restore point is a record, so that the switch has something to archive even on an idle server.
  const { rows } = await client.query<{ lsn: string }>(
    `select pg_create_restore_point('pgdrill-archive-check')::text as lsn`,
  );
  const lsn = rows[0]?.lsn ?? '0/0';
  await client.query(`select pg_switch_wal()`);
  const started = performance.now();
  const segment = await waitForSegment(
    { directory: walDirectory, segmentSizeBytes: source.walSegmentSizeBytes, wal },
    { timeline: source.timeline, lsn },
    {
      timeoutMs,
      signal: context.signal,
      explain: () => explainNoArrival(client, wal),
      onWait: (name) => context.progress({ doing: `waiting for WAL segment ${name}`, lsn }),
    },
  );
  const seconds = (performance.now() - started) / 1_000;
  return {
    name: 'archiving',
    level: 'ok',
    message: `segment ${segment} arrived ${seconds.toFixed(1)} s after it was switched${wal?.mode === 'stream' ? ', by the stream' : ''}`,
  };
}
