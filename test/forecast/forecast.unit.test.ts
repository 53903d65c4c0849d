import { describe, expect, it } from 'vitest';

import { forecastRto, type MeasuredRestore } from '../../src/forecast/forecast.js';
import { correlation, halfWidth95, leastSquares } from '../../src/forecast/least-squares.js';
import type { Forecast } from '../../src/schema/objectives.js';

const day = 86_400_000;
const start = Date.UTC(2026, 9, 1);
/** Scatter that is the same in each run: sums to nearly nothing. */
const noise = [0.3, -0.5, 0.1, 0.4, -0.2, -0.4, 0.5, -0.1, 0.2, -0.3];

/** A drill a day: 10 s, 2 s per GB of data, 20 s per GB of WAL, and noise. */
function series(count: number, of: (index: number) => { data: number; wal: number }, scatter = 1): MeasuredRestore[] {
  return Array.from({ length: count }, (_, index) => {
    const { data, wal } = of(index);
    return {
      atMs: start + index * day,
      rtoSeconds: 10 + 2 * data + 20 * wal + scatter * (noise[index % noise.length] ?? 0),
      dataBytes: data * 1e9,
      walBytes: wal * 1e9,
    };
  });
}

/** Data grows by 1 GB a day from 100 GB; WAL goes up and down with the time of the day's drill. */
const growing = (index: number): { data: number; wal: number } => ({ data: 100 + index, wal: 1 + (index % 3) * 0.5 });

function told(forecast: Forecast): Extract<Forecast, { status: 'forecast' }> {
  if (forecast.status !== 'forecast') throw new Error(`no forecast: ${forecast.basis}`);
  return forecast;
}

describe('a forecast of the RTO', () => {
  it('finds what a gigabyte of data and of WAL costs', () => {
    const { secondsPerGigabyte, basis } = told(forecastRto(series(30, growing)));
    expect(secondsPerGigabyte.map(({ of }) => of)).toEqual(['data', 'WAL']);
    expect(secondsPerGigabyte[0]!.seconds).toBeCloseTo(2, 1);
    expect(secondsPerGigabyte[1]!.seconds).toBeCloseTo(20, 0);
    expect(basis).toMatch(/^Of 30 drills in 29 days, by data \(2\.\d s per GB; 129\.0 GB at the last\)/);
  });

  it('carries the growth on, and what then happens lies within its interval', () => {
    const forecast = told(forecastRto(series(30, growing)));
    const [week, month] = [forecast.points[0]!, forecast.points[1]!];
    // Day 29 + 30: 159 GB, and about 1.5 GB of WAL (its ups and downs have a slight trend of their own).
    expect(month).toMatchObject({ days: 30, at: new Date(start + 59 * day).toISOString() });
    expect(Math.abs(month.seconds - (10 + 2 * 159 + 20 * 1.5))).toBeLessThan(6);
    for (const wal of [1, 1.5, 2]) {
      const truth = 10 + 2 * 159 + 20 * wal;
      expect(month.lowSeconds).toBeLessThan(truth);
      expect(month.highSeconds).toBeGreaterThan(truth);
    }
    expect(month.highSeconds - month.lowSeconds).toBeGreaterThan(week.highSeconds - week.lowSeconds);
    expect(forecast.points.map(({ days }) => days)).toEqual([7, 30]); // 87 days at most: three times what was watched
  });

  it('covers about 95 % of drills that come next, and not all of them', () => {
    // A linear congruential generator: the same numbers in each run.
    let state = 42;
    const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
    const normal = (): number => Array.from({ length: 12 }, random).reduce((sum, value) => sum + value, -6);
    let inside = 0;
    const rounds = 400;
    for (let round = 0; round < rounds; round += 1) {
      const all = series(11, growing, 0).map((each) => ({ ...each, rtoSeconds: each.rtoSeconds + 3 * normal() }));
      const next = all.pop()!;
      const fit = leastSquares(
        all.map(({ dataBytes, walBytes }) => [dataBytes, walBytes]),
        all.map(({ rtoSeconds }) => rtoSeconds),
      )!;
      const { value, variance } = fit.predict([next.dataBytes, next.walBytes]);
      if (Math.abs(value - next.rtoSeconds) <= halfWidth95(variance, fit.degreesOfFreedom)) inside += 1;
    }
    expect(inside / rounds).toBeGreaterThan(0.92);
    expect(inside / rounds).toBeLessThan(0.98);
  });

  it('says when the objective will be missed, and when single drills may', () => {
    // 10 + 2 × (129 + d) + 30 > 350 from d = 26 on.
    const { missedInDays, atRiskInDays, watchedDays } = told(forecastRto(series(30, growing), 350));
    expect(missedInDays).toBeGreaterThan(20);
    expect(missedInDays).toBeLessThan(30);
    expect(atRiskInDays).toBeLessThan(missedInDays!);
    expect(watchedDays).toBe(87);
    const never = told(forecastRto(series(30, growing), 10_000));
    expect(never).not.toHaveProperty('missedInDays');
    expect(never).not.toHaveProperty('atRiskInDays');
  });

  it('is none with too few drills, and says how many it takes', () => {
    expect(forecastRto([])).toMatchObject({ status: 'too few drills', drills: 0 });
    expect(forecastRto(series(4, growing))).toEqual({
      status: 'too few drills',
      drills: 4,
      basis: '4 drills measured an RTO; a forecast needs at least 5.',
    });
    expect(forecastRto(series(5, growing))).toMatchObject({ status: 'forecast' });
  });

  it('is their mean where no size differed, and carries nothing on', () => {
    const forecast = told(forecastRto(series(10, () => ({ data: 100, wal: 1 }))));
    expect(forecast.secondsPerGigabyte).toEqual([]);
    expect(forecast.next.seconds).toBeCloseTo(230, 1);
    expect(forecast.points).toEqual([]);
    expect(forecast.basis).toContain('by their mean alone; the size of the data hardly differed');
  });

  it('is exact, without width, where nothing scatters', () => {
    const { next } = told(forecastRto(series(8, (index) => ({ data: 100 + index * index, wal: 1 }), 0)));
    expect(next.highSeconds - next.lowSeconds).toBeGreaterThanOrEqual(0);
    expect([next.seconds, next.lowSeconds, next.highSeconds].every(Number.isFinite)).toBe(true);
  });

  it('takes data and WAL that grew together as one', () => {
    const forecast = told(forecastRto(series(10, (index) => ({ data: 100 + index * 10, wal: 10 + index }))));
    expect(forecast.secondsPerGigabyte.map(({ of }) => of)).toEqual(['data and WAL']);
    expect(forecast.basis).toContain('data and WAL grew together');
  });

  it('does not believe that more data makes restores faster', () => {
    const shrinking = series(10, (index) => ({ data: 100 + index, wal: 1 })).map((each, index) => ({
      ...each,
      rtoSeconds: 300 - 5 * index,
    }));
    const forecast = told(forecastRto(shrinking));
    expect(forecast.secondsPerGigabyte).toEqual([]);
    expect(forecast.basis).toContain('more data did not make it slower');
  });

  it('carries nothing on from drills of one day, and no size below nothing', () => {
    const oneDay = series(6, growing).map((each, index) => ({ ...each, atMs: start + index * 3_600_000 }));
    expect(told(forecastRto(oneDay)).points).toEqual([]);
    expect(told(forecastRto(oneDay)).basis).toContain('in 5.0 hours');
    const falling = series(12, (index) => ({ data: 120 - 10 * index, wal: 1 }));
    for (const { seconds, lowSeconds } of told(forecastRto(falling)).points) {
      expect(seconds).toBeGreaterThanOrEqual(0);
      expect(lowSeconds).toBeGreaterThanOrEqual(0);
    }
  });

  it('does not care for the order in which it is given them', () => {
    expect(forecastRto(series(12, growing).reverse(), 300)).toEqual(forecastRto(series(12, growing), 300));
  });
});

describe('least squares', () => {
  it('are what a textbook says of y = 1.1, 1.9, 3.2, 3.8 at x = 1, 2, 3, 4', () => {
    const fit = leastSquares([[1], [2], [3], [4]], [1.1, 1.9, 3.2, 3.8])!;
    expect(fit.slopes[0]).toBeCloseTo(0.94, 10);
    expect(fit.degreesOfFreedom).toBe(2);
    const { value, variance } = fit.predict([5]);
    expect(value).toBeCloseTo(0.15 + 0.94 * 5, 10);
    // s² = 0.041; 1 + 1/4 + 2.5²/5 = 2.5
    expect(variance).toBeCloseTo(0.041 * 2.5, 10);
    expect(halfWidth95(variance, 2)).toBeCloseTo(4.302653 * Math.sqrt(0.1025), 4);
  });

  it('are none where they are not determined', () => {
    expect(leastSquares([[1], [1], [1]], [1, 2, 3])).toBeUndefined();
    expect(leastSquares([[1], [2]], [1, 2])).toBeUndefined();
    expect(leastSquares([], [])).toBeUndefined();
    expect(
      leastSquares(
        [
          [1, 2],
          [2, 4],
          [3, 6],
          [4, 8],
          [5, 10],
        ],
        [1, 2, 3, 4, 5],
      ),
    ).toBeUndefined();
  });

  it('correlation is 0 where nothing varies', () => {
    expect(correlation([1, 2, 3], [2, 4, 6])).toBeCloseTo(1);
    expect(correlation([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1);
    expect(correlation([1, 1, 1], [1, 2, 3])).toBe(0);
  });
});
