import { parseTarget, timeTargetMs } from '../../schema/target.js';

/**
 * The moment that a restore brought back, for targets other than the fence: the target's own time, else when the last replayed
 * transaction was committed. Undefined where nothing was replayed that would tell.
 *
 * @param target as it is written in the workflow's input.
 */
export function restoredMoment(target: string, lastCommitAt: string | undefined): string | undefined {
  const parsed = parseTarget(target);
  if (typeof parsed === 'object' && parsed.kind === 'time') return new Date(timeTargetMs(parsed.time)).toISOString();
  return lastCommitAt;
}
