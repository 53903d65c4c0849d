import { databasePairs, keyOf } from '../content/compare-content.js';
import type { ClusterFingerprint, RelationFingerprint } from '../fingerprint-schema.js';
import { type BlockRange, rangeAt, rangesToRead } from '../content/ranges.js';

const shownStretches = 3;

/** One range whose content differs; of a relation that was read whole, all of it. */
export interface DifferingRange extends BlockRange {
  /** Rows that the source had in it at the fence. */
  sourceRows: bigint;
}

/** A relation that was read on both sides and came out different. */
export interface DifferingRelation {
  database: string;
  schema: string;
  name: string;
  ranges: DifferingRange[];
  /** How many ranges were read; 1 for a relation that was read whole. */
  rangesRead: number;
}

/** The relations whose content differs, and where in them. Those that are missing or could not be read are none of them. */
export function differingRelations(source: ClusterFingerprint, restored: ClusterFingerprint): DifferingRelation[] {
  return databasePairs(source, restored).flatMap(({ database, before, after }) => {
    const others = new Map(after?.relations.map((relation) => [keyOf(relation), relation]));
    return (before?.relations ?? []).flatMap((relation) => {
      const other = others.get(keyOf(relation));
      if (other === undefined || !isRead(relation) || !isRead(other) || relation.method !== other.method) return [];
      if (relation.rows === other.rows && relation.hash === other.hash) return [];
      const { schema, name } = relation;
      const rangesRead = relation.ranges?.readings.length ?? 1;
      return [{ database, schema, name, ranges: differingRanges(relation, other), rangesRead }];
    });
  });
}

function isRead({ changed, unreadable }: RelationFingerprint): boolean {
  return changed === undefined && unreadable === undefined;
}

function differingRanges(source: RelationFingerprint, restored: RelationFingerprint): DifferingRange[] {
  const { ranges } = source;
  if (ranges === undefined) return [{ from: 0, to: undefined, sourceRows: BigInt(source.rows) }];
  return rangesToRead(ranges).flatMap((number, index) => {
    const [before, after] = [ranges.readings[index], restored.ranges?.readings[index]];
    if (before === undefined || (before.rows === after?.rows && before.hash === after.hash)) return [];
    return [{ ...rangeAt(ranges, number), sourceRows: BigInt(before.rows) }];
  });
}

/** Names the ranges for a person, neighbours together: `blocks 0-2047, 9216-10239`. Nothing where a relation was not cut. */
export function describeRanges({ ranges, rangesRead }: DifferingRelation): string | undefined {
  if (rangesRead === 1) return undefined;
  const stretches: BlockRange[] = [];
  for (const { from, to } of ranges) {
    const last = stretches.at(-1);
    if (last?.to === from) last.to = to;
    else stretches.push({ from, to });
  }
  const shown = stretches
    .slice(0, shownStretches)
    .map(({ from, to }) => (to === undefined ? `from ${from} on` : `${from}-${to - 1}`));
  const more = stretches.length > shownStretches ? ' and elsewhere' : '';
  return `in blocks ${shown.join(', ')}${more} (${ranges.length} of ${rangesRead} ranges)`;
}
