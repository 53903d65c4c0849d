import type { TransactionEnd } from '../../postgres/transaction-ends.js';
import { dumpWal, type WalRange } from '../../postgres/waldump.js';
import type { PostgresTools } from '../../toolchain/postgres.js';

/**
 * Which databases each transaction touched in a range of WAL, from the relation references of its records
 * (`blkref #0: rel tablespace/database/relation`). Database 0 holds the shared catalogs: it concerns all.
 */
export async function readTouchedDatabases(
  tools: PostgresTools,
  range: WalRange,
  signal: AbortSignal,
): Promise<(end: TransactionEnd, databaseOid: number) => boolean> {
  const touched = new Map<number, Set<number>>();
  await dumpWal(tools, range, [], {
    signal,
    onLine: (line) => {
      const xid = Number(/tx:\s*(\d+), lsn/.exec(line)?.[1] ?? 0);
      if (xid === 0) return;
      for (const [, oid] of line.matchAll(/rel \d+\/(\d+)\/\d+/g)) {
        const databases = touched.get(xid) ?? new Set();
        touched.set(xid, databases.add(Number(oid)));
      }
    },
  });
  return (end, databaseOid) => {
    const all = [end.xid, ...end.subxids].flatMap((xid) => [...(touched.get(xid) ?? [])]);
    // A transaction that wrote before the range began may have touched anything: assume so.
    return all.length === 0 || all.includes(0) || all.includes(databaseOid);
  };
}
