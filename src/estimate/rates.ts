import type { EstimatedPhase } from '../schema/estimate.js';
import { median } from './median.js';

/** One phase of a restore that took place. */
export interface Sample {
  seconds: number;
  /** What the phase worked through; absent where its time does not depend on bytes. */
  bytes?: number | undefined;
}

/** How long a phase takes: `fixedSeconds`, and `secondsPerByte` for each byte. */
export interface Rate {
  fixedSeconds: number;
  secondsPerByte: number;
  /** True where too little was measured to tell. */
  guess: boolean;
}

const [millisecond, megabyte] = [0.001, 1e6];

/**
 * Where nothing was measured: one local disk that reads 400 MB/s and writes 200 MB/s, and a startup process that replays 50 MB/s on one
 * core. Guesses, and called so wherever they are shown.
 */
export const guessedRates: Readonly<Record<EstimatedPhase, { fixedSeconds: number; secondsPerByte: number }>> = {
  plan: { fixedSeconds: 1, secondsPerByte: 0 },
  verify: { fixedSeconds: 0.5, secondsPerByte: 2.5 * (millisecond / megabyte) },
  combine: { fixedSeconds: 0.5, secondsPerByte: 5 * (millisecond / megabyte) },
  replay: { fixedSeconds: 1, secondsPerByte: 20 * (millisecond / megabyte) },
  open: { fixedSeconds: 1, secondsPerByte: 0 },
  other: { fixedSeconds: 1, secondsPerByte: 0 },
};

/** The guess counts as if this much had been measured at it: what small restores say of a rate is mostly noise. */
const guessWeighsBytes = 64 * megabyte;

/**
 * The rate of a phase from past restores. Its fixed part is what the median of them took beyond its bytes; the rate is that of all bytes
 * together, with the guess thrown in at the weight of 64 MB.
 */
export function rateOf(name: EstimatedPhase, samples: readonly Sample[]): Rate {
  const guess = guessedRates[name];
  if (samples.length === 0) return { ...guess, guess: true };
  if (guess.secondsPerByte === 0)
    return { fixedSeconds: median(samples.map(({ seconds }) => seconds)), secondsPerByte: 0, guess: false };
  const bytes = samples.reduce((total, sample) => total + (sample.bytes ?? 0), 0);
  let fixedSeconds = Math.min(guess.fixedSeconds, ...samples.map(({ seconds }) => seconds));
  let { secondsPerByte } = guess;
  // The one needs the other; after three rounds neither moves any more.
  for (let round = 0; round < 3; round += 1) {
    const variable = samples.reduce((total, { seconds }) => total + Math.max(0, seconds - fixedSeconds), 0);
    secondsPerByte = (variable + guess.secondsPerByte * guessWeighsBytes) / (bytes + guessWeighsBytes);
    fixedSeconds = Math.max(0, median(samples.map((sample) => sample.seconds - secondsPerByte * (sample.bytes ?? 0))));
  }
  return { fixedSeconds, secondsPerByte, guess: bytes < guessWeighsBytes };
}
