import { describe, expect, it } from 'vitest';

import { estimateRestore, judgeEstimate } from '../../src/estimate/estimate-restore.js';
import { samplesOf } from '../../src/estimate/past-restores.js';
import { guessedRates, rateOf } from '../../src/estimate/rates.js';
import { type TrackRecord, trackRecordOf } from '../../src/estimate/track-record.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';

const [MB, GB] = [1e6, 1e9];
const at = (rate: ReturnType<typeof rateOf>, bytes: number): number => rate.fixedSeconds + rate.secondsPerByte * bytes;

describe('a rate', () => {
  it('is the guess where nothing was measured, and called one', () => {
    expect(rateOf('replay', [])).toEqual({ ...guessedRates.replay, guess: true });
  });

  it('is what large restores took', () => {
    const rate = rateOf('verify', [
      { bytes: 500 * GB, seconds: 2_500 },
      { bytes: 520 * GB, seconds: 2_600 },
    ]);
    expect(rate.guess).toBe(false);
    expect(at(rate, 500 * GB) / 2_500).toBeCloseTo(1, 2);
    expect(at(rate, 250 * GB) / 1_250).toBeCloseTo(1, 2);
  });

  it('tells a fixed part from what the bytes took', () => {
    const samples = [MB, 10 * MB, 100 * MB, GB, 2 * GB].map((bytes) => ({ bytes, seconds: 3 + bytes / (20 * MB) }));
    const rate = rateOf('replay', samples);
    expect(at(rate, 0.1 * MB)).toBeCloseTo(3, 0);
    expect(at(rate, 5 * GB) / (3 + 250)).toBeCloseTo(1, 1);
  });

  it('does not take what a small restore took for a rate', () => {
    const rate = rateOf('replay', [{ bytes: 0.1 * MB, seconds: 1 }]);
    expect(rate.guess).toBe(true);
    expect(at(rate, 0.1 * MB)).toBeCloseTo(1, 1);
    expect(at(rate, GB) / (1 + GB * guessedRates.replay.secondsPerByte)).toBeCloseTo(1, 1);
  });

  it('without bytes is the median: one slow day changes nothing', () => {
    const rate = rateOf(
      'open',
      [1, 1.2, 60].map((seconds) => ({ seconds })),
    );
    expect(rate).toEqual({ fixedSeconds: 1.2, secondsPerByte: 0, guess: false });
  });
});

const full = {
  ...{ id: 'f', startLsn: '0/1000000', endLsn: '0/1000100' },
  ...{ sizeBytes: 100 * GB, restoredBytes: 100 * GB, walSegmentSizeBytes: 16 * 1024 * 1024 },
} as BackupRecord;
const incremental = { ...full, id: 'i', startLsn: '0/9000000', endLsn: '0/9000100', sizeBytes: 2 * GB } as BackupRecord;

function restore(scale: number, finishedAt = '2026-11-24T00:00:00Z'): Parameters<typeof samplesOf>[0][number] {
  const phases = [
    { name: 'plan', seconds: 2 },
    { name: 'verify', seconds: 400 * scale, bytes: 100 * GB * scale },
    { name: 'fetch', seconds: 0, bytes: 0 },
    { name: 'combine', seconds: 1_000 * scale, bytes: 100 * GB * scale },
    { name: 'replay', seconds: 100 * scale, bytes: 2 * GB * scale },
    { name: 'open', seconds: 1 },
    { name: 'validate', seconds: 5_000, bytes: 100 * GB },
  ];
  return { finishedAt, clock: { phases, rtoSeconds: 1_503 * scale, otherSeconds: 3 } };
}

describe('an estimate', () => {
  it('says that it is a guess, and from what, where nothing was restored yet', () => {
    const estimate = estimateRestore([full], '0/5000000', samplesOf([]));
    expect(estimate).toMatchObject({ restores: 0, basis: expect.stringContaining('a guess') as string });
    expect(estimate.basis).toContain('reads 400 MB/s');
    expect(estimate.phases.every(({ guess }) => guess)).toBe(true);
  });

  it('is the sum of its phases, by the sizes of the chain and the WAL', () => {
    const estimate = estimateRestore([full, incremental], '0/B000000', samplesOf([restore(1), restore(1.1)]));
    const of = (wanted: string) => estimate.phases.find(({ name }) => name === wanted)!;
    expect(estimate.restores).toBe(2);
    expect(of('verify').bytes).toBe(102 * GB + 0xb000000 - 0x9000100);
    expect(of('combine').bytes).toBe(100 * GB + 16 * 1024 * 1024);
    expect(of('replay').bytes).toBe(0x2000000);
    expect(of('verify').seconds).toBeCloseTo(408, -1);
    expect(of('combine').seconds).toBeCloseTo(1_000, -2);
    expect(of('plan').seconds).toBe(2);
    expect(of('other').seconds).toBe(3);
    expect(estimate.seconds).toBeCloseTo(estimate.phases.reduce((total, { seconds }) => total + seconds, 0));
    expect(estimate.basis).toBe('by sizes and by what the last 2 restores on this host took');
  });

  it('goes by the newest restores only', () => {
    const slow = Array.from({ length: 30 }, (_, day) =>
      restore(9, `2026-10-${String(day + 1).padStart(2, '0')}T00:00:00Z`),
    );
    const past = samplesOf([...slow, ...Array.from({ length: 20 }, () => restore(1))]);
    expect(past.count).toBe(20);
    expect(past.samples.plan).toHaveLength(20);
    expect(Math.max(...past.samples.verify!.map(({ seconds }) => seconds))).toBe(400);
  });

  it('is judged by the RTO that came of it', () => {
    const estimate = { ...estimateRestore([full], '0/5000000', samplesOf([])), seconds: 10 };
    expect(judgeEstimate(estimate, 25)).toMatchObject({ seconds: 10, actualSeconds: 25, ratio: 2.5 });
    expect(judgeEstimate({ ...estimate, seconds: 0 }, 25).ratio).toBe(0);
  });
});

describe('past estimates, judged together', () => {
  const restored = (
    ratio: number,
    more: { restores?: number; at?: string } = {},
  ): Parameters<typeof samplesOf>[0][0] => ({
    ...restore(1, more.at),
    estimate: { seconds: 100, actualSeconds: 100 * ratio, ratio, restores: more.restores ?? 5 },
  });
  const recordOf = (...past: ReturnType<typeof restored>[]): TrackRecord => trackRecordOf(samplesOf(past).estimates);

  it('say by how much they were wrong, with the newest as an example', () => {
    const at = (day: number): string => `2026-11-0${day}T00:00:00Z`;
    const record = recordOf(
      ...[restored(0.8, { at: at(1) }), restored(1.3, { at: at(4) }), restored(1, { at: at(3) })],
      restored(1.1, { at: at(2) }),
    );
    expect(record).toMatchObject({ estimates: 4, ratio: { lowest: 0.8, median: 1.05, highest: 1.3 } });
    expect(record.summary).toBe(
      'The last 4 restores took 0.8 to 1.3 times what was estimated, half of them at most 1.1 times; the last one 2 min 10 s of 100.0 s.',
    );
  });

  it('leave out guesses, and restores of which nothing was estimated', () => {
    const record = recordOf(restored(40, { restores: 0 }), restore(1), restored(1), restored(1.2), restored(0.9));
    expect(record).toMatchObject({ estimates: 3, ratio: { highest: 1.2 } });
  });

  it('say so where they are too few', () => {
    expect(recordOf()).toEqual({ estimates: 0, summary: expect.stringContaining('none was judged yet') as string });
    const two = recordOf(restored(1), restored(1));
    expect(two).toEqual({ estimates: 2, summary: expect.stringContaining('only 2 of them were') as string });
  });
});
