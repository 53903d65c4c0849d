import { RepositoryError } from '../errors.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { bigIntToLsn, lsnToBigInt } from './lsn.js';
import { listTransactionEnds, type TransactionEnd } from './transaction-ends.js';
import type { WalRange } from './waldump.js';

/** How much is read at first: on a busy server the beginning of a stretch has a commit, and all of it takes long. */
const readBytes = [131_072n, 2_097_152n];

/**
 * When the first transaction in a stretch of WAL was committed, by the source's clock.
 *
 * @returns milliseconds since 1970; undefined where nothing was, or nothing can be read.
 */
export async function firstCommitIn(
  tools: PostgresTools,
  range: WalRange,
  signal: AbortSignal,
): Promise<number | undefined> {
  const [from, to] = [lsnToBigInt(range.from), lsnToBigInt(range.to)];
  for (const length of [...readBytes.filter((each) => each < to - from), to - from]) {
    let first: string | undefined;
    const onEnd = ({ kind, at }: TransactionEnd): void => {
      if (kind === 'commit') first ??= at;
    };
    try {
      const part = { ...range, to: bigIntToLsn(from + length) };
      await listTransactionEnds(tools, part, { signal, allowNothing: true, onEnd });
    } catch (error) {
      // The last record of the newest segment may go on in one that has not arrived.
      if (!(error instanceof RepositoryError)) throw error;
    }
    if (first !== undefined) return Date.parse(first);
  }
  return undefined;
}
