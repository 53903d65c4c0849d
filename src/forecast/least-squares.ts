import jStat from 'jstat';

/** A straight line (or plane) through observations, by ordinary least squares. */
export interface Fit {
  /** By how much the value rises with each regressor. */
  slopes: readonly number[];
  observations: number;
  degreesOfFreedom: number;
  /** What a new observation would be, and the variance of one around that: of the fit and of single observations. */
  predict: (regressors: readonly number[]) => { value: number; variance: number };
}

/**
 * Fits values by an intercept and regressors.
 *
 * @param rows the regressors of each observation; empty ones fit the mean.
 * @returns undefined where there are too few observations to tell how far they scatter, or where the regressors do not determine a fit.
 */
export function leastSquares(rows: readonly (readonly number[])[], values: readonly number[]): Fit | undefined {
  const width = rows[0]?.length ?? 0;
  const degreesOfFreedom = values.length - width - 1;
  if (degreesOfFreedom < 1) return undefined;
  // Centred and scaled, so that bytes by the terabyte beside seconds do not cost the inverse its digits.
  const scales = Array.from({ length: width }, (_, column) => {
    const all = rows.map((row) => row[column] ?? 0);
    const center = mean(all);
    return { center, unit: Math.sqrt(mean(all.map((value) => (value - center) ** 2))) };
  });
  if (scales.some(({ unit }) => !(unit > 0))) return undefined;
  const scaled = (row: readonly number[]): number[] => [
    1,
    ...scales.map(({ center, unit }, column) => ((row[column] ?? 0) - center) / unit),
  ];
  const design = rows.map(scaled);
  const columns = Array.from({ length: width + 1 }, (_, column) => design.map((row) => row[column] ?? 0));
  const inverse = jStat.inv(columns.map((a) => columns.map((b) => dot(a, b))));
  if (inverse.flat().some((value) => !Number.isFinite(value))) return undefined;
  const moments = columns.map((column) => dot(column, values));
  const coefficients = inverse.map((row) => dot(row, moments));
  const residuals = values.map((value, index) => value - dot(design[index] ?? [], coefficients));
  const variance = dot(residuals, residuals) / degreesOfFreedom;
  return {
    slopes: scales.map(({ unit }, column) => (coefficients[column + 1] ?? 0) / unit),
    observations: values.length,
    degreesOfFreedom,
    predict: (regressors) => {
      const at = scaled(regressors);
      const leverage = dot(
        at,
        inverse.map((row) => dot(row, at)),
      );
      return { value: dot(at, coefficients), variance: variance * (1 + leverage) };
    },
  };
}

/** How far a value may lie from its prediction, with a probability of 95 %. */
export function halfWidth95(variance: number, degreesOfFreedom: number): number {
  return jStat.studentt.inv(0.975, degreesOfFreedom) * Math.sqrt(Math.max(0, variance));
}

/** From -1 to 1; 0 where one of them does not vary. */
export function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  const [offA, offB] = [a.map((value) => value - meanA), b.map((value) => value - meanB)];
  const scale = Math.sqrt(dot(offA, offA) * dot(offB, offB));
  return scale > 0 ? dot(offA, offB) / scale : 0;
}

export function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((total, value, index) => total + value * (b[index] ?? 0), 0);
}
