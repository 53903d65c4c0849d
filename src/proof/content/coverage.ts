import { bytes, count } from '../../schema/figures.js';
import type { ClusterFingerprint, RelationFingerprint } from '../fingerprint-schema.js';
import { rangeAt, rangesToRead } from './ranges.js';
import { snapshotTooOld } from './read-relation.js';

/** How much of the source's content a fingerprint covers, where its policy does not name all of it. */
export interface Coverage {
  /** For the check's summary, loud: what is not covered, and exact shares; undefined where the policy names everything. */
  summary: string | undefined;
  figures: Record<string, number>;
  /** True where the policy leaves nothing to compare. */
  nothingLeft: boolean;
}

export function coverageOf(source: ClusterFingerprint): Coverage {
  const { policy } = source;
  if (policy === undefined || (policy.exclude.length === 0 && policy.sample === undefined))
    return { summary: undefined, figures: {}, nothingLeft: false };
  const relations = source.databases.flatMap((database) => database.relations);
  const excluded = source.databases.flatMap((database) => database.excluded ?? []);
  const total = relations.reduce((sum, { blocks = 0 }) => sum + blocks, 0);
  const read = relations.reduce((sum, relation) => sum + blocksRead(relation), 0);
  const parts: string[] = [];
  if (policy.sample !== undefined) {
    const { percent, seed } = policy.sample;
    const share = total === 0 ? 100 : (read / total) * 100;
    parts.push(
      `covers a sample only: ${count(read)} of ${count(total)} blocks (${share.toFixed(2)} %; asked for ${percent} % with seed ${seed})`,
    );
  }
  if (excluded.length > 0) {
    const size = bytes(excluded.reduce((sum, { estimatedBytes }) => sum + estimatedBytes, 0));
    parts.push(
      `covers nothing of ${count(excluded.length)} excluded tables (about ${size} by the catalog’s statistics)`,
    );
  }
  for (const pattern of patternsWithoutMatch(source)) parts.push(`the pattern "${pattern}" excludes no table`);
  return {
    summary: parts.length === 0 ? undefined : `By its policy this ${parts.join('; ')}.`,
    figures: { blocksRead: read, blocks: total, excluded: excluded.length },
    nothingLeft: relations.length === 0 && excluded.length > 0,
  };
}

function patternsWithoutMatch(source: ClusterFingerprint): string[] {
  const matched = new Set(
    source.databases.flatMap(({ excluded = [] }) => excluded.flatMap(({ patterns }) => patterns)),
  );
  return (source.policy?.exclude ?? []).filter((pattern) => !matched.has(pattern));
}

function blocksRead({ blocks = 0, ranges }: RelationFingerprint): number {
  if (ranges?.chosen === undefined) return blocks;
  return rangesToRead(ranges).reduce((sum, number) => {
    const { from, to } = rangeAt(ranges, number);
    return sum + Math.max((to ?? blocks) - from, 0);
  }, 0);
}

/** What the source holds that was not compared, as `database.schema.name: reason`: for the evidence. */
export function listNotCompared(source: ClusterFingerprint): string[] {
  return source.databases.flatMap(({ database, notCompared, excluded = [], relations }) => [
    ...notCompared.map((line) => `${database}.${line}`),
    ...excluded.map(
      ({ schema, name, estimatedBytes, patterns }) =>
        `${database}.${schema}.${name}: excluded by the configuration (${patterns.join(', ')}), about ${bytes(estimatedBytes)}`,
    ),
    ...relations.flatMap((relation) => {
      const name = `${database}.${relation.schema}.${relation.name}`;
      if (relation.unreadable?.code === snapshotTooOld) return [`${name}: not read within snapshot_timeout`];
      if (relation.ranges?.chosen === undefined || relation.blocks === undefined) return [];
      const left = relation.blocks - blocksRead(relation);
      return left > 0 ? [`${name}: ${count(left)} of ${count(relation.blocks)} blocks are not in the sample`] : [];
    }),
  ]);
}
