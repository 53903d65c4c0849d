import { RepositoryError } from '../errors.js';
import { bigIntToLsn, lsnToBigInt } from '../postgres/lsn.js';
import type { TimelineSpan } from '../postgres/timeline.js';
import { readWal } from '../postgres/wal-content.js';
import { trimLsn } from '../postgres/waldump.js';
import { segmentName, segmentNumberOf } from '../postgres/wal-segment.js';
import type { RepositoryFinding } from '../schema/verification.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import type { ArchivedFile, ArchiveFiles } from './archive-files.js';
import { finding } from './finding.js';
import type { Looking } from './looking.js';

/** As much is read at a time: between two, whoever is too fast waits, and an attempt that ends has lost no more than this. */
const pieceBytes = 32 * 1024 * 1024;

/** Neighbouring segments of one timeline that are read in one go. */
interface Piece {
  timeline: number;
  files: ArchivedFile[];
  /** Where to stop: the end of the last, or where the timeline was left in it. */
  to: string;
  /** True where the next segment is there: then a record that goes on into it can be read. */
  goesOn: boolean;
}

/**
 * Reads every record of the archived WAL with pg_waldump, which checks its checksum: damage behind a segment's first page shows nowhere
 * else before a restore. Segments without their neighbour before are read from the first record that begins in them.
 *
 * @param known.leftOut names of segments that cannot be read anyway, and are told already.
 */
export async function checkRecords(
  tools: PostgresTools,
  archive: ArchiveFiles,
  known: {
    segmentSizeBytes: number;
    ancestries: ReadonlyMap<number, readonly TimelineSpan[]>;
    leftOut: ReadonlySet<string>;
  },
  looking: Looking,
): Promise<RepositoryFinding[]> {
  const findings: RepositoryFinding[] = [];
  const readable = archive.segments.filter(({ partial, name }) => !partial && !known.leftOut.has(name));
  for (const piece of piecesOf(readable, known.segmentSizeBytes, forksOf(known.ancestries))) {
    const [first, last] = [piece.files[0], piece.files.at(-1)];
    if (first === undefined || last === undefined) continue;
    looking.at(`reading the WAL records of ${first.name}${first === last ? '' : ` to ${last.name}`}`);
    const bytes = piece.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const key = `records ${first.name} ${last.name} ${piece.to} ${Math.max(...piece.files.map(({ modifiedMs }) => modifiedMs))}`;
    const read = async (): Promise<RepositoryFinding[]> => {
      const found = await readPiece(tools, archive.directory, piece, known.segmentSizeBytes, looking.signal);
      await looking.spent(bytes);
      return found;
    };
    findings.push(...(await looking.once(key, bytes, read)));
  }
  return findings;
}

/** Where each timeline was left by another. */
function forksOf(ancestries: ReadonlyMap<number, readonly TimelineSpan[]>): Map<number, string[]> {
  const forks = new Map<number, string[]>();
  for (const ancestry of ancestries.values())
    for (const { timeline, endLsn } of ancestry)
      if (endLsn !== undefined) forks.set(timeline, [...(forks.get(timeline) ?? []), endLsn]);
  return forks;
}

/** Pieces begin at the same places whatever else is archived meanwhile, so that a next attempt knows them again. */
export function piecesOf(
  segments: readonly ArchivedFile[],
  segmentSizeBytes: number,
  forks: ReadonlyMap<number, readonly string[]>,
): Piece[] {
  const atATime = BigInt(Math.max(2, Math.floor(pieceBytes / segmentSizeBytes)));
  const byTimeline = new Map<number, Map<bigint, ArchivedFile>>();
  for (const file of segments) {
    const held = byTimeline.get(file.timeline) ?? new Map<bigint, ArchivedFile>();
    byTimeline.set(file.timeline, held);
    // The same segment may be there compressed as well: that both hold the same is another check.
    if (held.get(file.number)?.compression !== 'none') held.set(file.number, file);
  }
  const pieces: Piece[] = [];
  for (const [timeline, held] of [...byTimeline].sort(([a], [b]) => a - b)) {
    for (const [number, file] of [...held].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const before = pieces.at(-1);
      const joins =
        before?.timeline === timeline && before.files.at(-1)?.number === number - 1n && number % atATime !== 0n;
      const goesOn = held.has(number + 1n);
      const end = (number + 1n) * BigInt(segmentSizeBytes);
      const left = (forks.get(timeline) ?? [])
        .map(lsnToBigInt)
        .filter((lsn) => segmentNumberOf(bigIntToLsn(lsn), segmentSizeBytes) === number);
      // What lies behind the place where it was left may be an end that nobody wrote to.
      const to = goesOn || left.length === 0 ? end : left.reduce((a, b) => (a > b ? a : b));
      const next = { timeline, files: joins ? [...before.files, file] : [file], to: bigIntToLsn(to), goesOn };
      if (joins) pieces[pieces.length - 1] = next;
      else pieces.push(next);
    }
  }
  return pieces;
}

async function readPiece(
  tools: PostgresTools,
  walDirectory: string,
  { timeline, files, to, goesOn }: Piece,
  segmentSizeBytes: number,
  signal: AbortSignal,
): Promise<RepositoryFinding[]> {
  const findings: RepositoryFinding[] = [];
  const size = BigInt(segmentSizeBytes);
  const end = lsnToBigInt(to);
  for (let at = (files[0]?.number ?? 0n) * size; at < end;) {
    const from = bigIntToLsn(at);
    try {
      await readWal(tools, { walDirectory, timeline, from, to, segmentSizeBytes }, { signal });
      break;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RepositoryError)) throw error;
      const said = saidBy(error);
      const place = placeIn(said, at, end);
      const number = segmentNumberOf(place, segmentSizeBytes);
      const rest = end - at <= size;
      // A record that ends in a segment that is not there, or (in one segment alone) none that begins: a gap is told elsewhere.
      const unknown =
        /could not (?:find|locate|open) (?:WAL )?file/.test(said) || (rest && said.includes('valid record after'));
      if (!unknown) {
        const name = segmentName({ timeline, number }, segmentSizeBytes);
        findings.push(
          finding(
            'wal-damaged',
            name,
            `${name} is damaged: pg_waldump cannot read its records beyond ${place} (${said}).`,
          ),
        );
      }
      if (unknown && !goesOn) break;
      // Behind it there may be more.
      const next = (number + 1n) * size;
      at = next > at ? next : at + size;
    }
  }
  return findings;
}

/** What pg_waldump said, without what this host has to do with it: the same damage is the same finding wherever it is looked at. */
function saidBy(error: RepositoryError): string {
  const said = error.explanation.what.split(' cannot be read: ').at(-1) ?? '';
  return said
    .replace(/ \(in segment \w+\)$/, '')
    .replaceAll(/^pg_waldump: (error: )?/gm, '')
    .trim();
}

/** The last place in a piece that is named: where it could not go on. Damaged bytes may name any other. */
function placeIn(said: string, from: bigint, end: bigint): string {
  const lsns = [...said.matchAll(/\b([0-9A-F]{1,8}\/[0-9A-F]{1,8})\b/g)].map(([lsn]) => trimLsn(lsn));
  const inside = lsns.filter((lsn) => lsnToBigInt(lsn) >= from && lsnToBigInt(lsn) < end);
  return inside.at(-1) ?? bigIntToLsn(from);
}
