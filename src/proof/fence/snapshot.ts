/** A snapshot as `pg_current_snapshot()` prints it: `xmin:xmax:xip,xip,…`, in 64-bit transaction ids (manual, "pg_snapshot Components"). */
export interface Snapshot {
  xmin: bigint;
  xmax: bigint;
  inProgress: ReadonlySet<bigint>;
}

export function parseSnapshot(text: string): Snapshot {
  const [xmin, xmax, list] = text.split(':');
  if (xmin === undefined || xmax === undefined || list === undefined) throw new RangeError(`not a snapshot: "${text}"`);
  return {
    xmin: BigInt(xmin),
    xmax: BigInt(xmax),
    inProgress: new Set(list === '' ? [] : list.split(',').map(BigInt)),
  };
}

/** Whether a transaction that committed is visible in a snapshot. */
export function sees(snapshot: Snapshot, xid: bigint): boolean {
  if (xid < snapshot.xmin) return true;
  return xid < snapshot.xmax && !snapshot.inProgress.has(xid);
}

/** The 64-bit id of a 32-bit one from the WAL: the one nearest to a reference, since live ids span less than 2^31. */
export function widenXid(xid: number, reference: bigint): bigint {
  const epoch = 1n << 32n;
  const candidate = (reference & ~(epoch - 1n)) | BigInt(xid);
  if (candidate > reference + epoch / 2n) return candidate - epoch;
  if (candidate < reference - epoch / 2n) return candidate + epoch;
  return candidate;
}
