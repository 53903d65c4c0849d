/** Steps that people count time in. */
const steps = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400,
];

/** An axis from 0 that holds all values with about four marks at round times: steps of 30 s or 5 min, not of 100 s. */
export function secondsAxis(values: readonly number[]): { interval: number; max: number } {
  const most = Math.max(0.1, ...values);
  const days = Math.ceil(most / 4 / 86_400) * 86_400;
  const interval = steps.find((step) => step >= most / 4) ?? days;
  return { interval, max: Math.ceil(most / interval) * interval };
}

/** A mark of such an axis: `0.5 s`, `90 s`, `2.5 min`, `3 h`. */
export function secondsMark(value: number): string {
  const count = (unit: number): string => String(Number((value / unit).toFixed(1)));
  if (value < 120) return `${count(1)} s`;
  if (value < 7_200) return `${count(60)} min`;
  return value < 172_800 ? `${count(3_600)} h` : `${count(86_400)} d`;
}
