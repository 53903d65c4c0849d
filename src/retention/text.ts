/** A duration in the unit that people would say: `30d`, `36h`, `90s`. */
export function duration(ms: number): string {
  for (const [unit, each] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ] as const) {
    if (ms >= each && ms % each === 0) return `${ms / each}${unit}`;
  }
  return ms >= 86_400_000 ? `${(ms / 86_400_000).toFixed(1)}d` : `${Math.round(ms / 1_000)}s`;
}
