import { describe, expect, it } from 'vitest';

import { ReplaySamples } from '../../src/restore/replay-samples.js';

describe('samples of the replay', () => {
  it.each([1, 199, 200, 201, 5_000, 100_000])('are at most 200 of %i, the first and the last among them', (looks) => {
    const samples = new ReplaySamples();
    for (let look = 0; look < looks; look += 1) samples.add(1_000 + look * 100, `0/${look.toString(16).toUpperCase()}`);
    const list = samples.list();
    expect(list.length).toBeLessThanOrEqual(200);
    expect(list[0]).toEqual({ seconds: 0, lsn: '0/0' });
    expect(list.at(-1)).toEqual({
      seconds: ((looks - 1) * 100) / 1_000,
      lsn: `0/${(looks - 1).toString(16).toUpperCase()}`,
    });
    if (looks > 200) expect(list.length).toBeGreaterThan(90);
    expect(list.map(({ seconds }) => seconds)).toEqual(list.map(({ seconds }) => seconds).toSorted((a, b) => a - b));
  });

  it('of a replay that was never looked at are none', () => {
    expect(new ReplaySamples().list()).toEqual([]);
  });
});
