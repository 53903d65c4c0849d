import type { SequenceState } from '../fingerprint-schema.js';

/** SEQ_LOG_VALS in PostgreSQL's sequence.c: nextval logs this many values ahead, so that only every 33rd call writes WAL. */
const valuesLoggedAhead = 32n;

export interface SequenceJudgement {
  status: 'passed' | 'failed' | 'unproven';
  detail: string;
}

/**
 * Whether a restored sequence may stand where it stands.
 *
 * Sequences are not transactional: no snapshot shows them, and after a recovery they run ahead. What must hold is that no value
 * which the source had given out comes again, and that none is lost beyond what PostgreSQL logs ahead. In terms of the
 * *next* value, in the direction of the increment:
 *
 *     next(before) <= next(restored) <= next(after) + (32 + cache) * |increment|
 *
 * where `before` was read before the fence's snapshot was taken and `after` after its restore point. That supposes that the
 * sequence only moved forward in between. Where the two readings show otherwise (setval backwards, RESTART, ALTER SEQUENCE) or
 * it may have begun anew (CYCLE), a value outside is `unproven`, not `failed`.
 *
 * @param after the same as `before` where the source stood still.
 */
export function judgeSequence(before: SequenceState, after: SequenceState, restored: SequenceState): SequenceJudgement {
  const altered = differingParameter(before, after);
  if (altered !== undefined) return unproven(`its ${altered} was altered on the source while the fence was taken`);
  if (before.filenode !== after.filenode) return unproven('it was restarted on the source while the fence was taken');
  const wrong = differingParameter(before, restored);
  if (wrong !== undefined) return failed(`${wrong} ${before[wrong]} -> ${restored[wrong]}`);

  const [increment, cache] = [BigInt(before.increment), BigInt(before.cache)];
  const step = increment < 0n ? -increment : increment;
  const [low, high, actual] = [forward(before), forward(after), forward(restored)];
  if (high < low) return unproven('it was set back on the source while the fence was taken');

  // Never called on the source: nothing was logged ahead.
  const untouched = !before.isCalled && !after.isCalled && low === high;
  const ahead = untouched ? 0n : (valuesLoggedAhead + cache) * step;
  const standing = `next value ${nextValue(restored)}, on the source ${nextValue(before)} to ${nextValue(after)}`;
  if (actual >= low && actual <= high + ahead) return { status: 'passed', detail: standing };
  if (before.cycle) return unproven(`it cycles, and may have begun anew: ${standing}`);
  if (actual < low) return failed(`behind the source, values would be given out twice: ${standing}`);
  return failed(`further ahead than PostgreSQL logs (${ahead}): ${standing}`);
}

const parameters = ['increment', 'cache', 'cycle', 'min', 'max'] as const;

function differingParameter(a: SequenceState, b: SequenceState): (typeof parameters)[number] | undefined {
  return parameters.find((name) => a[name] !== b[name]);
}

/** The value that nextval gives next, if no bound stops it. */
function nextValue(state: SequenceState): bigint {
  return BigInt(state.lastValue) + (state.isCalled ? BigInt(state.increment) : 0n);
}

/** The next value on an axis that always grows, whichever way the sequence counts. */
function forward(state: SequenceState): bigint {
  return BigInt(state.increment) < 0n ? -nextValue(state) : nextValue(state);
}

function failed(detail: string): SequenceJudgement {
  return { status: 'failed', detail };
}

function unproven(detail: string): SequenceJudgement {
  return { status: 'unproven', detail };
}
