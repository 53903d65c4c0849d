import { describe, expect, it } from 'vitest';

import { chooseRanges, patternsFor } from '../../../src/proof/content/content-policy.js';

describe('a pattern', () => {
  it.each([
    ['shop.public.log', 'shop.public.log', true],
    ['shop.public.log', 'shop.public.logs', false],
    ['shop.public.log', 'shop.publicxlog', false],
    ['shop.public.log*', 'shop.public.log_2026', true],
    ['*.*.log', 'shop.audit.log', true],
    ['shop.audit.*', 'shop.audit.a "b" (c)\nd', true],
    ['shop.audit.*', 'other.audit.log', false],
    ['shop.public.a+b', 'shop.public.a+b', true],
  ])('%s, asked about %s: %s', (pattern, relation, matches) => {
    expect(patternsFor([pattern], relation)).toEqual(matches ? [pattern] : []);
  });
});

describe('a sample', () => {
  const layout = { blocks: 128, count: 200 };
  const choose = (seed: number, percent = 10, relation = 'shop.public.orders'): number[] =>
    chooseRanges(layout, { percent, seed }, relation);

  it('is the same for the same seed and table, and another for others', () => {
    expect(choose(1)).toEqual(choose(1));
    expect(choose(1)).not.toEqual(choose(2));
    expect(choose(1)).not.toEqual(choose(1, 10, 'shop.public.items'));
  });

  it('has as many ranges as the percentage says, in order, once each, and never none', () => {
    expect(choose(7)).toHaveLength(20);
    expect(new Set(choose(7)).size).toBe(20);
    expect(choose(7)).toEqual([...choose(7)].sort((a, b) => a - b));
    expect(choose(7, 0.001)).toHaveLength(1);
    expect(choose(7, 99.9)).toHaveLength(200);
  });

  it('reaches every range with some seed', () => {
    const seen = new Set(Array.from({ length: 200 }, (_, seed) => choose(seed)).flat());
    expect(seen.size).toBe(200);
  });
});
