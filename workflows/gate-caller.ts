import { CancellationScope, condition, log } from '@temporalio/workflow';

import { messageOfGate, tell } from './notify.js';
import type { OpenGate } from './open-gate.js';
import { rootFailure, type RunProgress } from './progress.js';
import { steps } from './steps.js';

/** Tells people that a gate waits: when it opens, and again as its rule says, until it is over. */
export class GateCaller {
  private readonly scope = new CancellationScope();

  constructor(private readonly progress: RunProgress) {}

  /** Beside the waiting: an answer must not have to wait until everybody was told. */
  call(text: string, escalated = false): void {
    const { channels, state } = this.progress;
    const { waiting, cluster } = state;
    if (waiting === undefined) return;
    const message = messageOfGate(cluster, waiting.gate, waiting.until, text);
    void this.scope
      .run(() => tell(channels, cluster, escalated ? { ...message, severity: 'critical' } : message))
      .then(
        (untold) => untold.forEach((each) => log.warn(each)),
        () => undefined, // the run was cancelled, or the gate answered, before all were told
      );
  }

  /** Once more: into the catalog, and to whoever is told when a gate opens. */
  private remind(escalated: boolean): void {
    const { waiting, cluster } = this.progress.state;
    if (waiting === undefined) return;
    const { gate, since, until, question, approvedBy } = waiting;
    const what = { gate, since, until, question, ...(approvedBy === undefined ? {} : { approvedBy }) };
    void this.scope
      .run(() => steps.recordWait({ cluster, waiting: what, escalated }))
      .catch((error: unknown) => log.warn('A reminder could not be written', { message: rootFailure(error).message }));
    this.call(`It waits since ${since}. ${question}`, escalated);
  }

  /** Until there is a decision or another target, or the time is up; on the way people are reminded. */
  async untilDecided(open: OpenGate): Promise<void> {
    const { remindMs, escalateMs } = open.rule;
    const reminders = [
      ...remindMs.map((afterMs) => ({ afterMs, escalated: false })),
      ...(escalateMs === undefined ? [] : [{ afterMs: escalateMs, escalated: true }]),
    ].sort((a, b) => a.afterMs - b.afterMs);
    for (;;) {
      const { untilMs } = open;
      const next = reminders.find(({ afterMs }) => open.openedMs + afterMs < untilMs);
      const wakeMs = next === undefined ? untilMs : open.openedMs + next.afterMs;
      const changed = await condition(
        () => open.decision !== undefined || open.moving?.plan !== undefined || open.untilMs !== untilMs,
        Math.max(1, wakeMs - Date.now()),
        { summary: `Gate ${open.gate} waits for a human` },
      );
      if (open.decision !== undefined || open.moving?.plan !== undefined) return;
      if (changed) continue;
      if (next === undefined) return;
      reminders.splice(reminders.indexOf(next), 1);
      this.remind(next.escalated);
    }
  }

  /** It waits no longer: what was not sent by now is not sent. */
  stop(): void {
    this.scope.cancel();
  }
}
