import { describe, expect, it } from 'vitest';

import { joinReplays } from '../../src/schema/join-replays.js';
import type { Replay } from '../../src/schema/results.js';

const replay = (reachedLsn: string, looks: number, change: Partial<Replay> = {}): Replay => ({
  paused: true,
  reachedLsn,
  replayedBytes: 100,
  samples: Array.from({ length: looks }, (_, seconds) => ({ seconds, lsn: reachedLsn })),
  phases: [{ name: 'replay', seconds: looks }],
  ...change,
});

describe('two replays of one server', () => {
  it('are the first alone where there was no other', () => {
    expect(joinReplays(undefined, replay('0/1', 2))).toEqual(replay('0/1', 2));
  });

  it('reach where the second did, with the bytes, the phases and the curve of both', () => {
    const joined = joinReplays(replay('0/1', 3), replay('0/2', 2));
    expect(joined).toMatchObject({ reachedLsn: '0/2', replayedBytes: 200 });
    expect(joined.phases).toHaveLength(2);
    expect(joined.samples?.map(({ seconds }) => seconds)).toEqual([0, 1, 2, 2, 3]);
  });

  it('know the last commit of the first, where the second replayed none', () => {
    const first = replay('0/1', 1, { lastCommitAt: '2026-11-28T00:00:00.000Z' });
    expect(joinReplays(first, replay('0/2', 1)).lastCommitAt).toBe('2026-11-28T00:00:00.000Z');
  });

  it('have a curve that fits into the evidence, both ends in it', () => {
    const { samples = [] } = joinReplays(replay('0/1', 200), replay('0/2', 200));
    expect(samples).toHaveLength(200);
    expect(samples[0]).toEqual({ seconds: 0, lsn: '0/1' });
    expect(samples.at(-1)).toEqual({ seconds: 398, lsn: '0/2' });
  });
});
