import { RepositoryError, ToolError, ToolKilledError } from '../errors.js';
import { runTool } from '../process/run-tool.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';
import { segmentName, segmentNumberOf } from './wal-segment.js';

export interface WalRange {
  walDirectory: string;
  timeline: number;
  from: string;
  /** Absent: to the end of what is there. */
  to?: string;
  /** So that an error can name the segment. */
  segmentSizeBytes?: number;
}

/** What a range of WAL holds. */
export interface WalContent {
  records: number;
  /** Of all records, without the paging around them. */
  bytes: number;
  /** Records of each resource manager that has any, by its name. */
  byManager: ReadonlyMap<string, number>;
}

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

/** pg_waldump pads the lower half with zeros; pg_lsn does not. */
export function trimLsn(lsn: string): string {
  return lsn.replace(/\/0+(?=.)/, '/').toUpperCase();
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

/** Runs `pg_waldump` over a range and hands on every line. */
export async function dumpWal(
  tools: PostgresTools,
  range: WalRange,
  filter: readonly string[],
  options: { signal?: AbortSignal; allowNothing?: boolean; onLine: (line: string) => void },
): Promise<void> {
  try {
    await runTool({
      file: toolPath(tools, 'pg_waldump'),
      args: [
        `--path=${range.walDirectory}`,
        `--timeline=${range.timeline}`,
        `--start=${range.from}`,
        ...(range.to === undefined ? [] : [`--end=${range.to}`]),
        ...filter,
      ],
      env: toolEnvironment(tools),
      onStdoutLine: options.onLine,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } catch (error) {
    if (!(error instanceof ToolError) || error instanceof ToolKilledError) throw error;
    if (options.allowNothing === true && error.stderrTail.includes('could not find a valid record after')) return;
    throw new RepositoryError(
      {
        what: `The WAL from ${range.from} to ${range.to ?? 'its end'} on timeline ${range.timeline} in ${range.walDirectory} cannot be read: ${error.stderrTail.trim()}${segmentOf(error.stderrTail, range)}`,
        means: 'A segment is missing or damaged; replay cannot get past that place.',
        todo: 'Bring the segment back if another copy exists (the source’s pg_wal, a standby); else choose a target before it and take a new full backup.',
      },
      { cause: error },
    );
  }
}

/** In which segment a record begins that pg_waldump calls broken, for the message. */
function segmentOf(said: string, { timeline, segmentSizeBytes }: WalRange): string {
  const lsn = /record at ([0-9A-F]+\/[0-9A-F]+)\s*$/.exec(said.trim())?.[1];
  if (lsn === undefined || segmentSizeBytes === undefined) return '';
  const number = segmentNumberOf(trimLsn(lsn), segmentSizeBytes);
  return ` (in segment ${segmentName({ timeline, number }, segmentSizeBytes)})`;
}
