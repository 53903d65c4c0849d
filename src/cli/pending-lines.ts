import type { Pending } from '../client/follow.js';
import { PaceMeter } from './pace.js';
import { progressLine } from './progress-line.js';
import { colors } from './terminal.js';

/** Makes lines of what the steps of a run say of themselves; remembers how far they were, to know their pace. */
export class PendingLines {
  private readonly meters = new Map<string, PaceMeter>();

  /**
   * @param head begins each line.
   * @param options.room how many columns each has behind its head; without it, no bars are drawn.
   */
  render(pending: readonly Pending[], { head, room }: { head: string; room?: number | undefined }): string[] {
    return pending.flatMap(({ activity, progress, attempt }) => {
      if (progress === undefined) return [];
      const tries = attempt > 1 ? ` (attempt ${attempt})` : '';
      const pace = this.meterOf(activity).add(performance.now(), progress);
      return [`${head}${progressLine(progress, pace, room === undefined ? undefined : room - tries.length)}${tries}`];
    });
  }

  private meterOf(activity: string): PaceMeter {
    const meter = this.meters.get(activity) ?? new PaceMeter();
    this.meters.set(activity, meter);
    return meter;
  }
}

/** Why a step is tried again, in a line; undefined for one that is at its first try. */
export function retryLine({ activity, attempt, lastFailure }: Pending, step: string): string | undefined {
  if (lastFailure === undefined) return undefined;
  return `${colors.yellow('↻')} ${step === '' ? activity : step}, attempt ${attempt}: ${lastFailure.split('\n', 1)[0] ?? ''}`;
}
