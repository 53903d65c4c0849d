import { lsnDistanceBytes } from '../postgres/lsn.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { type Estimate, type EstimatedPhase, estimatedPhases, type JudgedEstimate } from '../schema/estimate.js';
import type { PastRestores } from './past-restores.js';
import { rateOf } from './rates.js';

/**
 * How long it will take to restore a chain and to replay up to an LSN: by sizes, and by what past restores of this host took.
 *
 * Not in it: what a gate waits, what the fence and its validation take, and how expensive the WAL is (a megabyte of it may be one big row
 * or ten thousand small ones).
 */
export function estimateRestore(chain: readonly BackupRecord[], targetLsn: string, past: PastRestores): Estimate {
  const [full, last] = [chain[0], chain.at(-1)];
  if (full === undefined || last === undefined) throw new RangeError('an empty chain');
  const bytes: Partial<Record<EstimatedPhase, number>> = {
    // Every link is read, and the WAL behind the last one.
    verify: chain.reduce((total, { sizeBytes }) => total + sizeBytes, 0) + lsnDistanceBytes(last.endLsn, targetLsn),
    // A backup brings its own WAL along: one segment, mostly.
    combine: (last.restoredBytes ?? Math.max(full.sizeBytes, last.sizeBytes)) + last.walSegmentSizeBytes,
    replay: lsnDistanceBytes(last.startLsn, targetLsn),
  };
  const phases = estimatedPhases.map((name): Estimate['phases'][number] => {
    const rate = rateOf(name, past.samples[name] ?? []);
    const size = bytes[name];
    const seconds = rate.fixedSeconds + rate.secondsPerByte * (size ?? 0);
    return { name, seconds, ...(size === undefined ? {} : { bytes: size }), guess: rate.guess };
  });
  return {
    seconds: phases.reduce((total, { seconds }) => total + seconds, 0),
    restores: past.count,
    basis: basisOf(past, phases),
    phases,
  };
}

function basisOf({ count }: PastRestores, phases: Estimate['phases']): string {
  if (count === 0)
    return 'a guess: nothing was restored on this host yet, so this is by sizes and by the usual speed of one local disk (reads 400 MB/s, writes 200 MB/s, replays 50 MB/s)';
  const guessed = phases.filter(({ guess }) => guess).map(({ name }) => name);
  const measured = `by sizes and by what the last ${count === 1 ? 'restore' : `${count} restores`} on this host took`;
  return guessed.length === 0
    ? measured
    : `${measured}; of ${guessed.join(' and ')} they moved too few bytes to tell a rate, so that is mostly a guess`;
}

/** An estimate against the RTO that came of it. */
export function judgeEstimate(estimate: Estimate, rtoSeconds: number): JudgedEstimate {
  return { ...estimate, actualSeconds: rtoSeconds, ratio: estimate.seconds > 0 ? rtoSeconds / estimate.seconds : 0 };
}
