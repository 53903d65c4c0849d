import { compareLsn } from '../postgres/lsn.js';
import { readTimelineHistory, spansBetween } from '../postgres/timeline.js';
import { listTransactionEnds } from '../postgres/transaction-ends.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { lastSegmentsOf, type RecoverableRange } from './recoverable.js';

/** So far back a commit is looked for; on a server without any, nobody needs its time. */
const mostSegments = 64;

/**
 * When the last transaction in a range was committed, by the source's clock: the latest time that can be a target there. Looked for from
 * the range's end.
 *
 * @returns undefined where there is none, or the WAL cannot be read.
 */
export async function lastCommitIn(
  tools: PostgresTools,
  range: RecoverableRange,
  wal: { directory: string; segmentSizeBytes: number },
  signal: AbortSignal,
): Promise<string | undefined> {
  const history = (await readTimelineHistory(wal.directory, range.timeline)) ?? [];
  for (let segments = 1; segments <= mostSegments; segments *= 4) {
    const from = lastSegmentsOf(range, wal.segmentSizeBytes, segments);
    let last: string | undefined;
    try {
      for (const span of spansBetween(history, from, range.to, wal.segmentSizeBytes)) {
        await listTransactionEnds(
          tools,
          { walDirectory: wal.directory, segmentSizeBytes: wal.segmentSizeBytes, ...span },
          {
            signal,
            allowNothing: true,
            onEnd: ({ kind, at }) => {
              if (kind === 'commit') last = at;
            },
          },
        );
      }
    } catch (error) {
      signal.throwIfAborted();
      if (last === undefined && !(error instanceof Error && error.name === 'RepositoryError')) throw error;
    }
    if (last !== undefined || compareLsn(from, range.from) <= 0) return last;
  }
  return undefined;
}
