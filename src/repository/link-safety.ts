import { codeOf, messageOf } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { findStaleMaps, type StaleMap } from './stale-maps.js';
import { findWrongBlocks, shortestLength, type WrongBlocks } from './stale-blocks.js';
import { readIncrementalFile } from './incremental-file.js';
import {
  type ForkId,
  keyOfFork,
  listRelationFiles,
  olderFilesOf,
  type RelationFiles,
  type SegmentId,
} from './relation-files.js';
import { nameRelations } from './relation-names.js';
import {
  firstGap,
  listWalSummaries,
  type LsnRange,
  readTruncations,
  readWrittenBlocks,
  type Truncation,
  type WalSummary,
} from './wal-summaries.js';

/** A backup and where its `data` directory lies. Links in `pg_tblspc` are followed. */
export interface LinkedBackup {
  record: Pick<BackupRecord, 'id' | 'timeline' | 'startLsn'>;
  dataDirectory: string;
}

export interface LinkRequest {
  /** To the source. Needs no more than pg_monitor, and to connect to a database only to call its relations by name. */
  connection: Conninfo;
  /** What the new incremental builds on: the full backup first, the parent last. */
  chain: readonly LinkedBackup[];
  incremental: LinkedBackup;
}

export type LinkJudgement = { safe: true } | { safe: false; reasons: string[] };

/** So many relations are named in the reasons; the rest are counted. */
const maxNamed = 20;

/**
 * Whether a new incremental backup can be trusted, as far as the source and the files tell: PostgreSQL's own incremental backups can be
 * silently wrong (docs/postgresql-incremental-faults.md). Exact where it can be: it looks at what pg_combinebackup will do with
 * the files that were really written, not at what may have gone wrong.
 *
 * Unsafe are: a promotion in between; WAL summaries that are gone, so that nobody can tell; blocks that were written but are not in the
 * backup, or that come back from an older one though they were truncated away; a visibility map with bits beyond the table's end.
 *
 * @returns reasons as sentences for people.
 * @throws UnreachableError when the source does not answer, RepositoryError when a file of the chain is missing or damaged.
 */
export async function judgeLink(request: LinkRequest, signal: AbortSignal): Promise<LinkJudgement> {
  const parent = request.chain.at(-1);
  if (parent === undefined) return { safe: true };
  const { record } = request.incremental;
  const reasons: string[] = [];
  if (parent.record.timeline !== record.timeline) {
    reasons.push(
      `The server was promoted between ${parent.record.id} and ${record.id} (timeline ${parent.record.timeline} → ${record.timeline}): the older timeline's WAL summaries are merged behind the newer one's, and can cover WAL that was never replayed.`,
    );
  }
  const range = { from: parent.record.startLsn, to: record.startLsn };
  const findings = await withConnection(
    request.connection,
    async (client) => {
      const summaries = await readableSummaries(client, range);
      if (typeof summaries === 'string') return summaries;
      if (parent.record.timeline === record.timeline) {
        const gap = firstGap(ofTimeline(summaries, record.timeline), range);
        if (gap !== undefined) return describeGap(gap, range);
      }
      // Beside a promotion, only those of the timeline that both backups lie on were used by the server.
      const used = reasons.length > 0 ? summaries : ofTimeline(summaries, record.timeline);
      return await findDamage(client, request, used, signal);
    },
    { signal },
  ).catch((error: unknown) => {
    // The server removed a summary while it was read.
    if (codeOf(error) === '58P01') return describeGap(range, range);
    throw error;
  });
  if (typeof findings === 'string') reasons.push(findings);
  else reasons.push(...(await describeDamage(request.connection, findings, signal)));
  return reasons.length === 0 ? { safe: true } : { safe: false, reasons };
}

function ofTimeline(summaries: readonly WalSummary[], timeline: number): WalSummary[] {
  return summaries.filter((summary) => summary.timeline === timeline);
}

async function readableSummaries(client: Connection, range: LsnRange): Promise<WalSummary[] | string> {
  try {
    return await listWalSummaries(client, range);
  } catch (error) {
    if (codeOf(error) !== '42501') throw error;
    return `The WAL summaries could not be read (${messageOf(error)}): grant execute on function pg_available_wal_summaries(), pg_wal_summary_contents(bigint, pg_lsn, pg_lsn) to our role.`;
  }
}

function describeGap(gap: LsnRange, range: LsnRange): string {
  return `The server no longer has the WAL summaries from ${gap.from} to ${gap.to} (of ${range.from} to ${range.to}): nobody can tell whether the backup holds every block that changed. Raise wal_summary_keep_time.`;
}

interface Damage {
  blocks: { fork: ForkId; limitBlocks: number; wrong: WrongBlocks }[];
  maps: StaleMap[];
}

async function findDamage(
  client: Connection,
  request: LinkRequest,
  summaries: readonly WalSummary[],
  signal: AbortSignal,
): Promise<Damage> {
  const sizes = await readSizes(client);
  const truncations = summaries.length === 0 ? [] : await readTruncations(client, summaries);
  const files = await listRelationFiles(request.incremental.dataDirectory);
  const older: RelationFiles[] = [];
  for (const { dataDirectory } of [...request.chain].reverse()) older.push(await listRelationFiles(dataDirectory));

  const suspects = await findSuspects(files, older, truncations, sizes, signal);
  const truncated = suspects.filter(({ limitBlocks }) => limitBlocks < Infinity);
  const written =
    truncated.length === 0
      ? new Map<string, Set<number>>()
      : await readWrittenBlocks(
          client,
          summaries,
          truncated.map(({ id, limitBlocks }) => ({ fork: id, block: limitBlocks })),
        );
  const blocks: Damage['blocks'] = [];
  for (const { id, path, limitBlocks } of suspects) {
    const first = id.segment * sizes.segmentBlocks;
    const wrong = findWrongBlocks(
      await readIncrementalFile(path),
      await olderFilesOf(id, older, sizes.blockSize),
      limitBlocks - first,
      (block) => written.get(keyOfFork(id))?.has(first + block) === true,
    );
    if (wrong.lost.length + wrong.revived.length > 0) blocks.push({ fork: id, limitBlocks, wrong });
  }
  const maps = await findStaleMaps(files, older, truncations, sizes);
  return { blocks, maps };
}

export interface Sizes {
  blockSize: number;
  /** Blocks in one file of a relation. */
  segmentBlocks: number;
}

async function readSizes(client: Connection): Promise<Sizes> {
  const { rows } = await client.query<Sizes>(
    `
    select
      current_setting('block_size')::int as "blockSize",
      (pg_size_bytes(current_setting('segment_size')) / current_setting('block_size')::int)::int as "segmentBlocks"
    `,
  );
  return rows[0] ?? { blockSize: 8_192, segmentBlocks: 131_072 };
}

interface Suspect {
  id: SegmentId;
  path: string;
  /** Infinity where the fork was not truncated since the parent; then it was earlier in the chain. */
  limitBlocks: number;
}

/** The incremental files that are longer than their relation was at some time since it was last copied whole. */
async function findSuspects(
  files: RelationFiles,
  older: readonly RelationFiles[],
  truncations: readonly Truncation[],
  sizes: Sizes,
  signal: AbortSignal,
): Promise<Suspect[]> {
  const limits = new Map(truncations.map((each) => [keyOfFork(each), each.limitBlocks]));
  const suspects: Suspect[] = [];
  for (const { id, kind, path } of files.values()) {
    signal.throwIfAborted();
    const limitBlocks = limits.get(keyOfFork(id)) ?? Infinity;
    // Right behind a full backup only a truncation since then matters, and most files have none.
    if (kind === 'full' || (limitBlocks === Infinity && older.length === 1)) continue;
    const { lengthBlocks } = await readIncrementalFile(path);
    const chain = await olderFilesOf(id, older, sizes.blockSize);
    if (lengthBlocks > shortestLength(chain, limitBlocks - id.segment * sizes.segmentBlocks))
      suspects.push({ id, path, limitBlocks });
  }
  return suspects;
}

async function describeDamage(connection: Conninfo, damage: Damage, signal: AbortSignal): Promise<string[]> {
  const forks = [...damage.blocks.map(({ fork }) => fork), ...damage.maps.map(({ fork }) => fork)];
  const names = await nameRelations(connection, forks, signal);
  const nameOf = (fork: ForkId): string => names.get(keyOfFork(fork)) ?? keyOfFork(fork);
  const sentences = [
    ...damage.blocks.map(({ fork, limitBlocks, wrong }) => {
      const { lost, revived } = wrong;
      const what = [
        ...(lost.length > 0 ? [`${lost.length} blocks written since are not in the backup (rows would be lost)`] : []),
        ...(revived.length > 0
          ? [`${revived.length} empty blocks would come from an older backup (deleted rows would be back)`]
          : []),
      ].join(', and ');
      const when = limitBlocks === Infinity ? 'earlier in the chain' : `to ${limitBlocks} blocks since the last backup`;
      const map = fork.fork === 'vm' ? 'the visibility map of ' : '';
      return `${capitalize(`${map}${nameOf(fork)}`)} was truncated ${when} and has grown again: ${what}.`;
    }),
    ...damage.maps.map(
      ({ fork, limitBlocks }) =>
        `${capitalize(nameOf(fork))} was truncated to ${limitBlocks} blocks, and its visibility map in the backup still has bits beyond: once it grows again, index-only scans would show deleted rows. Turn on wal_log_hints or data checksums.`,
    ),
  ];
  sentences.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const hidden = sentences.length - maxNamed;
  return hidden <= 0 ? sentences : [...sentences.slice(0, maxNamed), `And ${hidden} more relations, in the same ways.`];
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
