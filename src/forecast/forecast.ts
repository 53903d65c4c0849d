import { bytes, seconds } from '../schema/figures.js';
import type { Forecast, ForecastPoint } from '../schema/objectives.js';
import { correlation, type Fit, halfWidth95, leastSquares, mean } from './least-squares.js';

/** One drill, as far as a forecast looks at it. */
export interface MeasuredRestore {
  atMs: number;
  rtoSeconds: number;
  /** Size of the data directory that was restored. */
  dataBytes: number;
  /** WAL that was replayed. */
  walBytes: number;
}

/** With fewer, a plane through them leaves hardly anything to tell how far they scatter. */
const fewest = 5;
const horizonsDays = [7, 30, 90, 180, 365];
/** A trend is carried on for at most so many times the time that it was watched for. */
const reach = 3;
const dayMs = 86_400_000;
/** Sizes that differ by less than this share of their mean tell nothing of how the RTO depends on them. */
const leastVariation = 0.05;
/** Above this, two sizes grew together: which of them costs the time cannot be told. */
const together = 0.95;

type Size = (restore: MeasuredRestore) => number;
interface Regressor {
  name: string;
  of: Size;
}

/**
 * How the RTO will go on as data and WAL grow: the RTO by sizes (ordinary least squares), each size by time, and both together at days to
 * come. The interval is where a drill of that day will be with a probability of 95 %, if things go on as they did; it has the scatter of
 * single drills, of the fit and of the growth in it.
 *
 * @param restores in any order; of one host.
 * @param objectiveSeconds the RTO objective, where there is one.
 */
export function forecastRto(restores: readonly MeasuredRestore[], objectiveSeconds?: number): Forecast {
  const drills = [...restores].sort((a, b) => a.atMs - b.atMs);
  const [first, last] = [drills[0], drills.at(-1)];
  if (first === undefined || last === undefined || drills.length < fewest) {
    return {
      status: 'too few drills',
      drills: drills.length,
      basis: `${drills.length} ${drills.length === 1 ? 'drill' : 'drills'} measured an RTO; a forecast needs at least ${fewest}.`,
    };
  }
  const rto = fitBySizes(drills);
  if (rto === undefined) throw new RangeError('the mean of five values can always be fitted');
  const spanDays = (last.atMs - first.atMs) / dayMs;
  const growths = rto.regressors.map(({ of }) => growthOf(drills, of));
  const at = (days: number): ForecastPoint => {
    const sizes = growths.map(
      (growth, index) => growth?.(days) ?? { value: rto.regressors[index]?.of(last) ?? 0, variance: 0 },
    );
    const { value, variance } = rto.fit.predict(sizes.map((size) => size.value));
    const ofSizes = sizes.reduce((sum, size, index) => sum + (rto.fit.slopes[index] ?? 0) ** 2 * size.variance, 0);
    const half = halfWidth95(variance + ofSizes, rto.fit.degreesOfFreedom);
    return {
      days,
      at: new Date(last.atMs + days * dayMs).toISOString(),
      seconds: Math.max(0, value),
      lowSeconds: Math.max(0, value - half),
      highSeconds: Math.max(0, value + half),
    };
  };
  const furthest = growths.some((growth) => growth !== undefined) ? Math.floor(spanDays * reach) : 0;
  const horizons = horizonsDays.filter((days) => days <= furthest);
  return {
    status: 'forecast',
    drills: drills.length,
    basis: basisOf(drills, rto, spanDays, horizons),
    secondsPerGigabyte: rto.regressors.map(({ name }, index) => ({
      of: name,
      seconds: (rto.fit.slopes[index] ?? 0) * 1e9,
    })),
    next: at(0),
    points: horizons.map(at),
    ...(objectiveSeconds === undefined ? {} : crossing(at, furthest, objectiveSeconds)),
  };
}

/** Of the sizes that varied; one that seems to make restores faster is left out, since that is chance or something else's doing. */
function fitBySizes(
  drills: readonly MeasuredRestore[],
): { fit: Fit; regressors: Regressor[]; leftOut: string[] } | undefined {
  const data: Regressor = { name: 'data', of: ({ dataBytes }) => dataBytes };
  const wal: Regressor = { name: 'WAL', of: ({ walBytes }) => walBytes };
  const leftOut: string[] = [];
  let regressors = [data, wal].filter(({ name, of }) => {
    const sizes = drills.map(of);
    const varied = Math.max(...sizes) - Math.min(...sizes) > leastVariation * mean(sizes);
    if (!varied) leftOut.push(`the size of the ${name} hardly differed`);
    return varied;
  });
  if (regressors.length === 2 && Math.abs(correlation(drills.map(data.of), drills.map(wal.of))) > together) {
    regressors = [{ name: 'data and WAL', of: (drill) => drill.dataBytes + drill.walBytes }];
    leftOut.push('data and WAL grew together, so they count as one');
  }
  const values = drills.map(({ rtoSeconds }) => rtoSeconds);
  for (;;) {
    const fit = leastSquares(
      drills.map((drill) => regressors.map(({ of }) => of(drill))),
      values,
    );
    const worst = (fit?.slopes ?? []).map((slope, index) => ({ slope, index })).sort((a, b) => a.slope - b.slope)[0];
    if (fit !== undefined && (worst === undefined || worst.slope >= 0)) return { fit, regressors, leftOut };
    if (regressors.length === 0) return undefined;
    const gone = regressors[worst?.index ?? regressors.length - 1];
    leftOut.push(`more ${gone?.name ?? ''} did not make it slower`);
    regressors = regressors.filter((each) => each !== gone);
  }
}

/** A size by time; undefined where all drills were in one day, or too few to tell. */
function growthOf(
  drills: readonly MeasuredRestore[],
  of: Size,
): ((daysFromLast: number) => { value: number; variance: number }) | undefined {
  const last = drills.at(-1)?.atMs ?? 0;
  const days = drills.map(({ atMs }) => (atMs - last) / dayMs);
  if (-(days[0] ?? 0) < 1) return undefined;
  const fit = leastSquares(
    days.map((day) => [day]),
    drills.map(of),
  );
  if (fit === undefined) return undefined;
  return (day) => {
    const { value, variance } = fit.predict([day]);
    return { value: Math.max(0, value), variance };
  };
}

/** The first day on which the expected RTO, and the one on which the upper end of its interval, is beyond the objective. */
function crossing(
  at: (days: number) => ForecastPoint,
  furthest: number,
  objectiveSeconds: number,
): Pick<Forecast & { status: 'forecast' }, 'missedInDays' | 'atRiskInDays' | 'watchedDays'> {
  const first = (of: (point: ForecastPoint) => number): number | undefined => {
    for (let day = 0; day <= furthest; day += 1) if (of(at(day)) > objectiveSeconds) return day;
    return undefined;
  };
  const missedInDays = first(({ seconds: expected }) => expected);
  const atRiskInDays = first(({ highSeconds }) => highSeconds);
  return {
    watchedDays: furthest,
    ...(missedInDays === undefined ? {} : { missedInDays }),
    ...(atRiskInDays === undefined ? {} : { atRiskInDays }),
  };
}

function basisOf(
  drills: readonly MeasuredRestore[],
  { fit, regressors, leftOut }: NonNullable<ReturnType<typeof fitBySizes>>,
  spanDays: number,
  horizons: readonly number[],
): string {
  const last = drills.at(-1);
  const by =
    regressors.length === 0
      ? 'by their mean alone'
      : `by ${regressors.map(({ name, of }, index) => `${name} (${seconds((fit.slopes[index] ?? 0) * 1e9)} per GB; ${last === undefined ? '' : bytes(of(last))} at the last)`).join(' and ')}`;
  const aside = leftOut.length === 0 ? '' : `; ${leftOut.join('; ')}`;
  const ahead =
    horizons.length === 0
      ? ' Growth over time cannot be told from them.'
      : ` Carried on for at most ${reach} times that long.`;
  return `Of ${drills.length} drills in ${spanDays < 2 ? `${(spanDays * 24).toFixed(1)} hours` : `${Math.round(spanDays)} days`}, ${by}${aside}.${ahead}`;
}
