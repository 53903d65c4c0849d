import { formOf } from '../repository/wal-window.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { dumpWal, parseRecordLine, type WalRange } from './waldump.js';

/** What a range of WAL holds. */
export interface WalContent {
  records: number;
  /** Of all records, without the paging around them. */
  bytes: number;
  /** Records of each resource manager that has any, by its name. */
  byManager: ReadonlyMap<string, number>;
}

/**
 * Reads a range of WAL record by record with `pg_waldump --stats`: each record's checksum is checked on the way.
 *
 * @throws RepositoryError when the range cannot be read to its end.
 */
export async function readWal(
  tools: PostgresTools,
  range: WalRange,
  options: { signal?: AbortSignal } = {},
): Promise<WalContent> {
  const byManager = new Map<string, number>();
  let [records, bytes] = [0, 0];
  if ((await formOf(range)) === 'compressed') {
    await dumpWal(tools, range, [], {
      ...options,
      onLine: (line) => {
        const record = parseRecordLine(line);
        if (record === undefined) return;
        records += 1;
        bytes += record.length;
        byManager.set(record.manager, (byManager.get(record.manager) ?? 0) + 1);
      },
    });
    return { records, bytes, byManager };
  }
  await dumpWal(tools, range, ['--stats'], {
    ...options,
    onLine: (line) => {
      const row = parseStatsLine(line);
      if (row?.manager === 'Total') [records, bytes] = [row.records, row.bytes];
      else if (row !== undefined && row.records > 0) byManager.set(row.manager, row.records);
    },
  });
  return { records, bytes, byManager };
}

/** A row of `pg_waldump --stats`: name, then count, record size, full-page image size and both, each with a percentage. */
export function parseStatsLine(line: string): { manager: string; records: number; bytes: number } | undefined {
  const percentage = String.raw`(?:\s+[([]\s*[\d.]+%?[)\]])?`;
  const number = String.raw`\s+(\d+)${percentage}`;
  const match = new RegExp(`^(\\w+)${number.repeat(4)}$`).exec(line.trim());
  return match === null
    ? undefined
    : { manager: match[1] ?? '', records: Number(match[2] ?? 0), bytes: Number(match[5] ?? 0) };
}
