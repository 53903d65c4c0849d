import type { PostgresTools } from '../toolchain/postgres.js';
import { dumpWal, trimLsn, type WalRange } from './waldump.js';

/** The end of a transaction in the WAL. */
export interface TransactionEnd {
  kind: 'commit' | 'abort';
  /** Where the record begins. */
  lsn: string;
  /** The top-level transaction, as the 32 bits that WAL holds. */
  xid: number;
  /** By the source's clock. */
  at: string;
  /** Its subtransactions, which end with it. */
  subxids: number[];
}

/**
 * Lists the commits and aborts in a range of WAL, also those of prepared transactions, in WAL order, with
 * `pg_waldump --rmgr=Transaction`.
 *
 * @param allowNothing true where no record may begin in the range (the rest of a long one fills it): then the answer is none.
 * @param onEnd given each one instead of collecting them, for ranges that may hold millions.
 * @throws RepositoryError when the range cannot be read to its end.
 */
export async function listTransactionEnds(
  tools: PostgresTools,
  range: WalRange,
  options: { signal?: AbortSignal; allowNothing?: boolean; onEnd?: (end: TransactionEnd) => void } = {},
): Promise<TransactionEnd[]> {
  const ends: TransactionEnd[] = [];
  const take = options.onEnd ?? ((end: TransactionEnd) => void ends.push(end));
  await dumpWal(tools, range, ['--rmgr=Transaction'], {
    ...options,
    onLine: (line) => {
      const end = parseTransactionEnd(line);
      if (end !== undefined) take(end);
    },
  });
  return ends;
}

// PostgreSQL source, xactdesc.c: `COMMIT 2026-…` and, naming the prepared transaction, `COMMIT_PREPARED 123: 2026-…`.
const endLine =
  /^rmgr: Transaction .* tx:\s*(\d+), lsn: ([0-9A-F]+\/[0-9A-F]+), .*desc: (COMMIT|ABORT)(?:_PREPARED)? (?:(\d+): )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC(.*)$/;

/** A transaction's end from one line of pg_waldump, undefined for any other line. */
export function parseTransactionEnd(line: string): TransactionEnd | undefined {
  const match = endLine.exec(line);
  if (match === null) return undefined;
  const [, tx = '', lsn = '', kind, prepared, at = '', rest = ''] = match;
  const subxids = /; subxacts:((?: \d+)+)/.exec(rest)?.[1]?.trim().split(' ').map(Number) ?? [];
  return {
    kind: kind === 'COMMIT' ? 'commit' : 'abort',
    lsn: trimLsn(lsn),
    xid: Number(prepared ?? tx),
    at: `${at.replace(' ', 'T')}Z`,
    subxids,
  };
}
