import { RepositoryError } from '../errors.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { bigIntToLsn, lsnToBigInt } from './lsn.js';
import { dumpWal, parseRecordLine, type WalRange } from './waldump.js';

/**
 * Where the last whole record of a range ends: behind it comes nothing, or nothing valid (yet). For segments that are still being received.
 *
 * @returns undefined where no record begins in the range.
 */
export async function endOfRecords(
  tools: PostgresTools,
  range: WalRange,
  signal: AbortSignal,
): Promise<string | undefined> {
  const seen: { last?: { lsn: string; length: number }; switched: boolean } = { switched: false };
  try {
    await dumpWal(tools, range, [], {
      signal,
      allowNothing: true,
      onLine: (line) => {
        const record = parseRecordLine(line);
        if (record !== undefined) [seen.last, seen.switched] = [record, line.includes(', desc: SWITCH')];
      },
    });
  } catch (error) {
    // pg_waldump ends with an error where the records end.
    if (!(error instanceof RepositoryError)) throw error;
  }
  const { last, switched } = seen;
  if (last === undefined) return undefined;
  const size = BigInt(range.segmentSizeBytes);
  // Behind a switch the rest of the segment is empty.
  if (switched) return bigIntToLsn((lsnToBigInt(last.lsn) / size + 1n) * size);
  return recordEnd(last.lsn, last.length, range.segmentSizeBytes);
}

/**
 * Where the record behind one begins: records are aligned to 8 bytes and run through the headers of the pages they cross (PostgreSQL
 * source, xlog_internal.h: pages of 8 kB, 40 bytes on a segment's first page, 24 on others). At a page's end, before its header.
 */
export function recordEnd(lsn: string, length: number, segmentSizeBytes: number): string {
  let at = lsnToBigInt(lsn);
  let left = BigInt(length);
  while (left > 0n) {
    if (at % 8192n === 0n) at += at % BigInt(segmentSizeBytes) === 0n ? 40n : 24n;
    const room = 8192n - (at % 8192n);
    const taken = left < room ? left : room;
    at += taken;
    left -= taken;
  }
  return bigIntToLsn(((at + 7n) / 8n) * 8n);
}
