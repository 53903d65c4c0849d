import { describe, expect, it } from 'vitest';

import { worstExposure } from '../../../src/proof/fence/worst-rpo.js';

interface Segment {
  savedAtMs: number;
  first?: number;
}

async function worst(
  segments: readonly Segment[],
): Promise<{ seconds: number | undefined; atMost: number | undefined; looked: number; at: number }> {
  let looked = 0;
  const found = await worstExposure(segments, ({ first }) => {
    looked += 1;
    return Promise.resolve(first);
  });
  return {
    seconds: found?.seconds,
    atMost: found?.atMostSeconds ?? found?.seconds,
    looked,
    at: found === undefined ? -1 : segments.indexOf(found.segment),
  };
}

/** A segment a minute, each holding the commits of that minute. */
const steady = (count: number): Segment[] =>
  Array.from({ length: count }, (_, index) => ({ savedAtMs: (index + 1) * 60_000, first: index * 60_000 + 100 }));

describe('the worst exposure of commits', () => {
  it('is the longest time from a first commit to its segment’s arrival', async () => {
    const segments = steady(50);
    segments[17] = { savedAtMs: 18 * 60_000 + 59_000, first: 17 * 60_000 + 5 };
    expect(await worst(segments)).toMatchObject({ seconds: 118.995, at: 17 });
    expect(await worst([])).toMatchObject({ seconds: undefined });
    expect(await worst([{ savedAtMs: 5 }, { savedAtMs: 9 }])).toMatchObject({ seconds: undefined, looked: 2 });
  });

  it('is within a second or a tenth what a look at every segment finds, whatever the order in which they are looked at', async () => {
    let state = 1;
    const chance = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    for (let round = 0; round < 300; round += 1) {
      let [clock, saved] = [0, 0];
      const segments = Array.from({ length: 1 + chance(40) }, (): Segment => {
        const first = (clock += chance(5_000));
        clock += chance(5_000);
        saved = Math.max(saved, clock + chance(20_000));
        return chance(4) === 0 ? { savedAtMs: saved } : { savedAtMs: saved, first };
      });
      const each = segments.flatMap(({ savedAtMs, first }) =>
        first === undefined ? [] : [(savedAtMs - first) / 1_000],
      );
      const { seconds, atMost } = await worst(segments);
      if (each.length === 0) expect(seconds).toBeUndefined();
      else {
        const most = Math.max(...each);
        expect(seconds).toBeLessThanOrEqual(most);
        expect(atMost).toBeGreaterThanOrEqual(most);
        expect(atMost! - seconds!).toBeLessThanOrEqual(Math.max(1, most / 10));
      }
    }
  });

  it('passes over what cannot be worse', async () => {
    const segments = steady(2_000);
    for (let index = 1_000; index < 1_030; index += 1) segments[index]!.savedAtMs = 1_030 * 60_000;
    const { seconds, looked, at } = await worst(segments);
    expect({ seconds, at }).toEqual({ seconds: 30 * 60 - 0.1, at: 1_000 });
    expect(looked).toBeLessThan(300);
  });

  it('names a segment that is dated before its commits: such dates are no arrivals', async () => {
    const segments = steady(5).map(({ savedAtMs, first = 0 }) => ({ savedAtMs: savedAtMs - 100_000, first }));
    expect((await worst(segments)).seconds).toBeLessThan(-2);
  });
});
