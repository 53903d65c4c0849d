import type { Progress } from '../process/step-context.js';
import { bytes, seconds } from '../schema/figures.js';
import type { Pace } from './pace.js';

/** A bar is drawn from this width on; a shorter one shows nothing that the figures do not. */
const leastBar = 8;
const widestBar = 30;

/**
 * What a step says of itself, in a line: `copying, 53 % of 2.3 GB, 110.0 MB/s, 9.8 s left`.
 *
 * @param room how many columns there are; where it is given and there is enough, a bar is drawn.
 */
export function progressLine(progress: Progress, pace: Pace | undefined, room?: number): string {
  const { doing, doneBytes, totalBytes, lsn, lagBytes } = progress;
  const share = doneBytes === undefined || !totalBytes ? undefined : Math.min(1, doneBytes / totalBytes);
  const what = `${doing}${lsn === undefined ? '' : ` at ${lsn}`}`;
  const figures = [
    ...(share === undefined ? [] : [`${Math.floor(share * 100)} % of ${bytes(totalBytes ?? 0)}`]),
    ...(share === undefined && doneBytes !== undefined && doneBytes > 0 ? [bytes(doneBytes)] : []),
    ...(pace === undefined ? [] : [`${bytes(Math.round(pace.bytesPerSecond))}/s`]),
    ...(pace?.secondsLeft === undefined || share === 1 ? [] : [`${seconds(pace.secondsLeft)} left`]),
    ...(lagBytes === undefined ? [] : [`${bytes(lagBytes)} behind`]),
  ].join(', ');
  if (figures === '') return what;
  const free = room === undefined || share === undefined ? 0 : room - what.length - figures.length - 3;
  if (share === undefined || free < leastBar) return `${what}, ${figures}`;
  return `${what} ${bar(share, Math.min(free, widestBar))} ${figures}`;
}

/** @param share of the whole, from 0 to 1. */
function bar(share: number, width: number): string {
  const full = Math.floor(share * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}
