import { createHash } from 'node:crypto';

import type { RangeLayout } from './ranges.js';

/** What of the source's content is to be read: the cluster's configuration says so, and the fingerprint keeps it for the sandbox. */
export interface ContentPolicy {
  /** `database.schema.table` with `*` for any characters. */
  exclude: string[];
  /** Only a share of each big table's blocks; all where absent. */
  sample?: { percent: number; seed: number } | undefined;
}

/** 1 MB: in a sample, ranges are smaller, so that more tables have several to choose from. Tables below are read whole. */
export const leastBlocksInSample = 128;

/** @returns the patterns that a relation matches. */
export function patternsFor(patterns: readonly string[], relation: string): string[] {
  return patterns.filter((pattern) => asExpression(pattern).test(relation));
}

function asExpression(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

/**
 * Chooses the ranges of a sample: as many as make up the percentage, at least one, by the order of a hash of seed, relation and
 * number. The same seed chooses the same ranges of a table of the same size, another seed others.
 */
export function chooseRanges(
  layout: RangeLayout,
  sample: { percent: number; seed: number },
  relation: string,
): number[] {
  const wanted = Math.max(1, Math.round((layout.count * sample.percent) / 100));
  const rank = (number: number): string =>
    createHash('sha256')
      .update(JSON.stringify([sample.seed, relation, number]))
      .digest('hex');
  return Array.from({ length: layout.count }, (_, number) => ({ number, rank: rank(number) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .slice(0, wanted)
    .map(({ number }) => number)
    .sort((a, b) => a - b);
}
