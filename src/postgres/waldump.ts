import { RepositoryError, ToolError, ToolKilledError } from '../errors.js';
import { runTool } from '../process/run-tool.js';
import { formOf, type Stretch, withWalWindow } from '../repository/wal-window.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';
import { compareLsn, bigIntToLsn, lsnToBigInt } from './lsn.js';
import { segmentName, segmentNumberOf, withoutPageHeader } from './wal-segment.js';

/** A stretch of one timeline's WAL in an archive: its segments may be plain, compressed or partial (src/repository/wal-window.ts). */
export type WalRange = Stretch;

/** pg_waldump pads the lower half with zeros; pg_lsn does not. */
export function trimLsn(lsn: string): string {
  return lsn.replace(/\/0+(?=.)/, '/').toUpperCase();
}

/** What every record's line of pg_waldump says first. */
export function parseRecordLine(line: string): { manager: string; length: number; lsn: string } | undefined {
  const [, manager, length, lsn] =
    /^rmgr: (\S+)\s+len \(rec\/tot\):\s*\d+\/\s*(\d+), tx:\s*\d+, lsn: ([0-9A-F]+\/[0-9A-F]+), prev/.exec(line) ?? [];
  if (manager === undefined || lsn === undefined) return undefined;
  return { manager, length: Number(length), lsn: trimLsn(lsn) };
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
      readsFrom: directory,
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

/** In which segment a record begins that pg_waldump calls broken, for the message. */
function segmentOf(said: string, { timeline, segmentSizeBytes }: WalRange): string {
  const lsn = /record at ([0-9A-F]+\/[0-9A-F]+)\s*$/.exec(said.trim())?.[1];
  if (lsn === undefined) return '';
  const number = segmentNumberOf(trimLsn(lsn), segmentSizeBytes);
  return ` (in segment ${segmentName({ timeline, number }, segmentSizeBytes)})`;
}
