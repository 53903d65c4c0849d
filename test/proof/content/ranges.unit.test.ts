import { describe, expect, it } from 'vitest';

import { inRange, partsOf, planRanges, rangeAt, rangesToRead } from '../../../src/proof/content/ranges.js';
import { ReadingQueue } from '../../../src/proof/content/reading-queue.js';

describe('the ranges that a relation is cut into', () => {
  it('leave small relations whole', () => {
    expect([0, 1, 1_024].map((blocks) => planRanges(blocks))).toEqual([undefined, undefined, undefined]);
  });

  it.each([1_025, 2_048, 999_999, 1_024_000, 1_024_001, 4_294_967_295])(
    'cover %i blocks, and are at most 1,000',
    (total) => {
      const layout = planRanges(total)!;
      expect(layout.count).toBeGreaterThan(1);
      expect(layout.count).toBeLessThanOrEqual(1_000);
      expect(layout.blocks).toBeGreaterThanOrEqual(1_024);
      const ranges = rangesToRead(layout).map((index) => rangeAt(layout, index));
      expect(ranges[0]!.from).toBe(0);
      for (const [index, range] of ranges.slice(1).entries()) expect(range.from).toBe(ranges[index]!.to);
      expect(ranges.at(-1)!.from).toBeLessThan(total);
      expect(ranges.at(-1)!.to).toBeUndefined();
    },
  );

  it('are grouped into parts of about 64 MB that hold each range once', () => {
    const small = planRanges(100_000)!;
    expect(partsOf(small).flat()).toEqual(rangesToRead(small));
    expect(partsOf(small)[0]).toHaveLength(8);
    const huge = planRanges(100_000_000)!;
    expect(partsOf(huge).flat()).toEqual(rangesToRead(huge));
    expect(partsOf(huge)[0]).toHaveLength(1);
  });

  it('become conditions on the ctid, the last one open', () => {
    const layout = { blocks: 10, count: 3 };
    expect(inRange(rangeAt(layout, 1))).toBe(`r.ctid >= '(10,0)'::tid and r.ctid < '(20,0)'::tid`);
    expect(inRange(rangeAt(layout, 2))).toBe(`r.ctid >= '(20,0)'::tid`);
  });
});

describe('the queue', () => {
  it('keeps idle workers until the last one has ended, since its work may turn out to be work for several', async () => {
    const queue = new ReadingQueue(['giant']);
    const done: string[][] = [[], [], []];
    await Promise.all(
      done.map((mine) =>
        queue.drain(async (task) => {
          mine.push(task);
          await new Promise((resolve) => setTimeout(resolve, 5));
          if (task === 'giant') queue.addFirst(['a', 'b', 'c', 'd']);
        }),
      ),
    );
    expect(done.flat().sort()).toEqual(['a', 'b', 'c', 'd', 'giant']);
    expect(done.every((mine) => mine.length > 0)).toBe(true);
  });

  it('lets the others go when one fails', async () => {
    const queue = new ReadingQueue(['bad']);
    const fail = (): Promise<void> => Promise.reject(new Error('broken'));
    const ends = await Promise.allSettled([queue.drain(fail), queue.drain(fail)]);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});
