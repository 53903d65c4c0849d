import { RepositoryError, ToolError, ToolKilledError } from '../errors.js';
import { runTool } from '../process/run-tool.js';
import { formOf, type Stretch, withWalWindow } from '../repository/wal-window.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';
import { compareLsn, bigIntToLsn, lsnToBigInt } from './lsn.js';
import { segmentName, segmentNumberOf, withoutPageHeader } from './wal-segment.js';

/** A stretch of one timeline's WAL in an archive: its segments may be plain, compressed or partial (src/repository/wal-window.ts). */
export type WalRange = Stretch;

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

/** What every record's line of pg_waldump says first. */
export function parseRecordLine(line: string): { manager: string; length: number; lsn: string } | undefined {
  const [, manager, length, lsn] =
    /^rmgr: (\S+)\s+len \(rec\/tot\):\s*\d+\/\s*(\d+), tx:\s*\d+, lsn: ([0-9A-F]+\/[0-9A-F]+), prev/.exec(line) ?? [];
  if (manager === undefined || lsn === undefined) return undefined;
  return { manager, length: Number(length), lsn: trimLsn(lsn) };
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

interface DumpOptions {
  signal?: AbortSignal;
  allowNothing?: boolean;
  onLine: (line: string) => void;
}

/**
 * Runs `pg_waldump` over a range and hands on every line, each record once and in order. Plain segments are read where they lie; partial
 * ones as a copy; compressed ones are unpacked a few at a time.
 *
 * @param filter options of pg_waldump; with compressed segments only `--rmgr`.
 */
export async function dumpWal(
  tools: PostgresTools,
  range: WalRange,
  filter: readonly string[],
  options: DumpOptions,
): Promise<void> {
  const onLine = forwardOnly(options.onLine);
  const form = await formOf(range);
  try {
    await dumpAs(form, tools, range, filter, { ...options, onLine });
  } catch (error) {
    // A segment may have been finished or compressed just now; what was handed on already is not handed on again.
    const now = await formOf(range);
    if (!(error instanceof RepositoryError) || now === form) throw error;
    await dumpAs(now, tools, range, filter, { ...options, onLine });
  }
}

async function dumpAs(
  form: Awaited<ReturnType<typeof formOf>>,
  tools: PostgresTools,
  range: WalRange,
  filter: readonly string[],
  options: DumpOptions,
): Promise<void> {
  if (form === 'plain') await runWaldump(tools, range, range.walDirectory, filter, options);
  else if (form === 'partial')
    await withWalWindow(range, options.signal, (directory) => runWaldump(tools, range, directory, filter, options));
  else await dumpUnpacked(tools, range, filter, options);
}

function forwardOnly(onLine: (line: string) => void): (line: string) => void {
  let last: bigint | undefined;
  return (line) => {
    const lsn = /, lsn: ([0-9A-F]+\/[0-9A-F]+), prev/.exec(line)?.[1];
    if (lsn !== undefined) {
      const at = lsnToBigInt(lsn);
      if (last !== undefined && at <= last) return;
      last = at;
    }
    onLine(line);
  };
}

/** As many segments are unpacked at a time: 128 MB of the default size. */
const segmentsAtATime = 8n;

/**
 * Reads compressed WAL in pieces. A record may go on from one piece into the next: so each piece begins with the last record of the one
 * before, and where a record is longer than a piece, the piece grows.
 */
async function dumpUnpacked(
  tools: PostgresTools,
  range: WalRange,
  filter: readonly string[],
  options: DumpOptions,
): Promise<void> {
  const managers = filter.flatMap((each) => /^--rmgr=(\w+)$/.exec(each)?.[1] ?? []);
  if (managers.length < filter.length) throw new RangeError(`not possible with compressed WAL: ${filter.join(' ')}`);
  const size = BigInt(range.segmentSizeBytes);
  const end = lsnToBigInt(range.to);
  let from = range.from;
  let last: bigint | undefined;
  for (let segments = segmentsAtATime; ;) {
    const wanted = (lsnToBigInt(from) / size + segments) * size;
    const piece = { ...range, from, to: wanted < end ? bigIntToLsn(wanted) : range.to };
    const before = last;
    await withWalWindow(piece, options.signal, (directory) =>
      runWaldump(tools, piece, directory, [], {
        ...options,
        allowNothing: true,
        onLine: (line) => {
          const record = parseRecordLine(line);
          if (record === undefined) return;
          const at = lsnToBigInt(record.lsn);
          if (last !== undefined && at <= last) return;
          last = at;
          if (managers.length === 0 || managers.includes(record.manager)) options.onLine(line);
        },
      }),
    );
    if (piece.to === range.to) break;
    if (last === undefined || last === before) segments *= 2n;
    else [from, segments] = [bigIntToLsn(last), segmentsAtATime];
  }
  if (last === undefined && options.allowNothing !== true) throw unreadable(range, 'there is no record in it');
}

async function runWaldump(
  tools: PostgresTools,
  range: WalRange,
  directory: string,
  filter: readonly string[],
  options: DumpOptions,
): Promise<void> {
  try {
    await runTool({
      file: toolPath(tools, 'pg_waldump'),
      args: [
        `--path=${directory}`,
        `--timeline=${range.timeline}`,
        `--start=${range.from}`,
        `--end=${endFor(range)}`,
        ...filter,
      ],
      env: toolEnvironment(tools),
      onStdoutLine: options.onLine,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } catch (error) {
    if (!(error instanceof ToolError) || error instanceof ToolKilledError) throw error;
    if (options.allowNothing === true && error.stderrTail.includes('could not find a valid record after')) return;
    throw unreadable(range, error.stderrTail.replaceAll(directory, range.walDirectory).trim(), error);
  }
}

/**
 * Where pg_waldump has to stop. An end right behind a page's header is that page's beginning to it: given as it is, pg_waldump reads the
 * header, takes what its buffer still holds of another page for the record behind, and calls that one broken (17.11 and 18.6; xlogreader.c,
 * XLogDecodeNextRecord, asks for no more than a header's bytes there).
 */
function endFor({ from, to, segmentSizeBytes }: WalRange): string {
  const end = withoutPageHeader(to, segmentSizeBytes);
  return compareLsn(from, end) < 0 ? end : to;
}

function unreadable(range: WalRange, said: string, cause?: unknown): RepositoryError {
  return new RepositoryError(
    {
      what: `The WAL from ${range.from} to ${range.to} on timeline ${range.timeline} in ${range.walDirectory} cannot be read: ${said}${segmentOf(said, range)}`,
      means: 'A segment is missing or damaged; replay cannot get past that place.',
      todo: 'Bring the segment back if another copy exists (the source’s pg_wal, a standby); else choose a target before it and take a new full backup.',
    },
    { cause },
  );
}

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

/** In which segment a record begins that pg_waldump calls broken, for the message. */
function segmentOf(said: string, { timeline, segmentSizeBytes }: WalRange): string {
  const lsn = /record at ([0-9A-F]+\/[0-9A-F]+)\s*$/.exec(said.trim())?.[1];
  if (lsn === undefined) return '';
  const number = segmentNumberOf(trimLsn(lsn), segmentSizeBytes);
  return ` (in segment ${segmentName({ timeline, number }, segmentSizeBytes)})`;
}
