import { seconds } from '../schema/figures.js';
import type { JudgedEstimate } from '../schema/estimate.js';
import { median } from './median.js';

/** How good the estimates of past restores were. Each figure is actual to estimated: above 1 it took longer. */
export interface TrackRecord {
  /** How many estimates were judged by what came of them. */
  estimates: number;
  /** Absent where they are too few to tell. */
  ratio?: { lowest: number; median: number; highest: number };
  /** The same in a sentence. */
  summary: string;
}

/** What an estimate has to say of itself to be judged here. */
export type PastEstimate = Pick<JudgedEstimate, 'seconds' | 'actualSeconds' | 'ratio' | 'restores'>;

/** One or two may be right by chance. */
const fewest = 3;

/**
 * Judges the estimates of past restores together. Those that rested on no restore at all are left out: they were called guesses, and later
 * ones are made differently.
 *
 * @param past newest first.
 */
export function trackRecordOf(past: readonly PastEstimate[]): TrackRecord {
  const judged = past.filter(({ restores, ratio }) => restores > 0 && ratio > 0);
  const [last] = judged;
  const estimates = judged.length;
  if (last === undefined || estimates < fewest) {
    const so =
      last === undefined ? 'none was judged yet' : `only ${estimates} of them ${estimates === 1 ? 'was' : 'were'}`;
    return {
      estimates,
      summary: `How good such estimates are is not known: ${so} by a restore, and it takes ${fewest}.`,
    };
  }
  const ratios = judged.map(({ ratio }) => ratio);
  const ratio = { lowest: Math.min(...ratios), median: median(ratios), highest: Math.max(...ratios) };
  const [lowest, middle, highest] = [ratio.lowest, ratio.median, ratio.highest].map(times);
  return {
    estimates,
    ratio,
    summary: `The last ${estimates} restores took ${lowest ?? ''} to ${highest ?? ''} times what was estimated, half of them at most ${middle ?? ''} times; the last one ${seconds(last.actualSeconds)} of ${seconds(last.seconds)}.`,
  };
}

function times(ratio: number): string {
  return ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0);
}
