import { describe, expect, it } from 'vitest';

import { type Pace, restMs } from '../../../src/proof/content/pace.js';

const pace = (doneBytes: number): Pace => ({ startedAt: 0, deadline: 3_600_000, doneBytes, totalBytes: 1_000 });

describe('the pace of reading a source', () => {
  it('rests five times as long as it worked where others are at work', () => {
    expect(restMs(200, 1, pace(500), 600_000)).toBe(1000);
  });

  it('does not rest where nobody else is there', () => {
    expect(restMs(200, 0, pace(500), 600_000)).toBe(0);
  });

  it('does not rest where it would not be done before its snapshot has to go', () => {
    expect(restMs(200, 9, pace(500), 1_100_000)).toBe(0);
    expect(restMs(200, 9, pace(999), 3_599_000)).toBe(0);
  });

  it('rests from the start, before anything is done', () => {
    expect(restMs(200, 1, pace(0), 10_000)).toBe(1000);
  });
});
