import type { Connection } from '../../postgres/connection.js';
import { compareLsn, lsnDistanceBytes } from '../../postgres/lsn.js';
import { listTransactionEnds } from '../../postgres/transaction-ends.js';
import { withoutPageHeader } from '../../postgres/wal-segment.js';
import type { Rpo } from '../../schema/results.js';
import type { PostgresTools } from '../../toolchain/postgres.js';

/** Where source and repository stood at one moment: the simulated failure. */
export interface FailureMoment {
  failureAt: string;
  /** Everything committed lies before it; also what `synchronous_commit = off` has acknowledged but not flushed yet. */
  sourceLsn: string;
  /** What a restore could have reached with the repository alone. */
  repositoryLsn: string;
}

/**
 * Fixes the moment of the simulated failure. The repository has to be frozen first (freezeArchive): what arrives later does not count as saved.
 */
export async function readFailureMoment(
  client: Connection,
  segmentSizeBytes: number,
): Promise<Omit<FailureMoment, 'repositoryLsn'>> {
  const { rows } = await client.query<{ at: string; lsn: string }>(
    `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
            pg_current_wal_insert_lsn()::text as lsn`,
  );
  const { at = '', lsn = '0/0' } = rows[0] ?? {};
  return { failureAt: at, sourceLsn: withoutPageHeader(lsn, segmentSizeBytes) };
}

/**
 * Counts, in the WAL itself, what would have been lost: transactions that the source had committed and the repository did not hold.
 * Run it once that WAL has arrived. Seconds are the age of the oldest of them at the failure, by the source's clock.
 */
export async function measureRpo(
  tools: PostgresTools,
  moment: FailureMoment,
  wal: { walDirectory: string; timeline: number; segmentSizeBytes: number },
  signal: AbortSignal,
): Promise<Rpo> {
  const { failureAt, sourceLsn, repositoryLsn } = moment;
  const bytes = lsnDistanceBytes(repositoryLsn, sourceLsn);
  let transactions = 0;
  let oldest: string | undefined;
  if (bytes > 0) {
    await listTransactionEnds(
      tools,
      { ...wal, from: repositoryLsn, to: sourceLsn },
      {
        signal,
        allowNothing: true, // the rest of one long record may be all there is
        onEnd: (end) => {
          if (end.kind !== 'commit' || compareLsn(end.lsn, sourceLsn) >= 0) return;
          transactions += 1;
          oldest ??= end.at;
        },
      },
    );
  }
  const seconds = oldest === undefined ? 0 : Math.max(0, (Date.parse(failureAt) - Date.parse(oldest)) / 1_000);
  return { seconds, bytes, transactions, failureAt, sourceLsn, repositoryLsn };
}
