import type { Connection } from '../postgres/connection.js';
import { readIncrementalFile } from './incremental-file.js';
import {
  type ForkId,
  keyOfFork,
  listRelationFiles,
  type OlderFiles,
  olderFilesOf,
  readOlderBlock,
  type RelationFiles,
  type SegmentId,
} from './relation-files.js';
import { findWrongBlocks, shortestLength, type WrongBlocks } from './stale-blocks.js';
import { findStaleMaps, type StaleMap } from './stale-maps.js';
import { readTruncations, readWrittenBlocks, type Truncation, type WalSummary } from './wal-summaries.js';

/** What a restore of a chain by pg_combinebackup would get wrong because of its last link. */
export interface Damage {
  blocks: { fork: ForkId; limitBlocks: number; wrong: WrongBlocks }[];
  maps: StaleMap[];
}

/**
 * @param dataDirectories of the chain, the full backup first, the incremental in question last.
 * @param summaries that the server used for that incremental.
 */
export async function findDamage(
  client: Connection,
  dataDirectories: readonly string[],
  summaries: readonly WalSummary[],
  signal: AbortSignal,
): Promise<Damage> {
  const sizes = await readSizes(client);
  const truncations = summaries.length === 0 ? [] : await readTruncations(client, summaries);
  const lists: RelationFiles[] = [];
  for (const directory of [...dataDirectories].reverse()) lists.push(await listRelationFiles(directory));
  const [files = new Map() as RelationFiles, ...older] = lists;

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
    const chain = await olderFilesOf(id, older, sizes.blockSize);
    const wrong = findWrongBlocks(
      await readIncrementalFile(path),
      chain,
      limitBlocks - first,
      (block) => written.get(keyOfFork(id))?.has(first + block) === true,
    );
    wrong.revived = await withContent(wrong.revived, chain, sizes.blockSize);
    if (wrong.lost.length + wrong.revived.length > 0) blocks.push({ fork: id, limitBlocks, wrong });
  }
  const maps = await findStaleMaps(files, older, truncations, sizes);
  return { blocks, maps };
}

/** An empty page that comes back in the place of an empty page harms nobody. */
async function withContent(blocks: readonly number[], older: OlderFiles, blockSize: number): Promise<number[]> {
  const found: number[] = [];
  for (const block of blocks) {
    const old = await readOlderBlock(older, block, blockSize);
    if (old?.some((byte) => byte !== 0) === true) found.push(block);
  }
  return found;
}

interface Sizes {
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
