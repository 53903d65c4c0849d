/**
 * Arithmetic on WAL positions. An LSN is a 64-bit byte offset into the WAL, written as two hexadecimal halves
 * (PostgreSQL manual, "pg_lsn Type").
 */
export function lsnToBigInt(lsn: string): bigint {
  const [high, low] = lsn.split('/');
  if (high === undefined || low === undefined) throw new RangeError(`not a WAL position: "${lsn}"`);
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function bigIntToLsn(position: bigint): string {
  return `${(position >> 32n).toString(16).toUpperCase()}/${(position & 0xffffffffn).toString(16).toUpperCase()}`;
}

/** Negative, zero or positive as `a` lies before, at or behind `b`. */
export function compareLsn(a: string, b: string): number {
  const [left, right] = [lsnToBigInt(a), lsnToBigInt(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

export function maxLsn(a: string, b: string): string {
  return compareLsn(a, b) >= 0 ? a : b;
}

/** Bytes of WAL from `from` to `to`; 0 where `to` does not lie behind `from`. */
export function lsnDistanceBytes(from: string, to: string): number {
  const distance = lsnToBigInt(to) - lsnToBigInt(from);
  return distance > 0n ? Number(distance) : 0;
}
