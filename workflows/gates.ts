import {
  CancellationScope,
  condition,
  defineSignal,
  log,
  setDefaultSignalHandler,
  setHandler,
} from '@temporalio/workflow';

import type { Approval } from '../src/schema/results.js';
import {
  type AnswerableGate,
  type DecisionInput,
  decisionSchema,
  type GateName,
} from '../src/schema/workflow-inputs.js';
import { messageOfGate, tell } from './notify.js';
import type { RunProgress } from './progress.js';
import { StoppedAtGate } from './stopped-at-gate.js';

export const approveSignal = defineSignal<[DecisionInput]>('approve');
export const rejectSignal = defineSignal<[DecisionInput]>('reject');

/** The points where a workflow waits for a human. A decision may come before its gate opens: it is kept until then. */
export class Gates {
  private readonly decisions = new Map<AnswerableGate, Pick<Approval, 'decision' | 'by' | 'reason'>>();

  constructor(
    private readonly progress: RunProgress,
    private readonly gates: readonly GateName[],
    private readonly timeoutMs: number,
  ) {
    // Decisions may have come before this moment. The default handler takes them in the order they were sent in; a handler by name
    // would take all of its own name first, and the first decision stands. It also takes signals of other names, which mean nothing.
    setDefaultSignalHandler((name, decision) => {
      if (name === approveSignal.name) this.decide('approved', decision);
      else if (name === rejectSignal.name) this.decide('rejected', decision);
      else log.warn('There is no such signal; it is ignored', { name });
    });
    setHandler(approveSignal, (decision) => this.decide('approved', decision), {
      description: 'Let the workflow pass a gate: {"gate": "promote", "by": "your name", "reason": "why"}',
    });
    setHandler(rejectSignal, (decision) => this.decide('rejected', decision), {
      description: 'Stop the workflow at a gate and clean up: {"gate": "promote", "by": "your name", "reason": "why"}',
    });
  }

  /** A signal handler that throws would fail the workflow: what is not understood is logged and changes nothing. */
  private decide(decision: 'approved' | 'rejected', input: unknown): void {
    const parsed = decisionSchema.safeParse(input);
    if (!parsed.success) {
      log.warn('A decision was not understood and is ignored', { input, problem: parsed.error.message });
      return;
    }
    const { gate, by, reason } = parsed.data;
    // This gate opens again and again, and nobody can answer before it is known what failed: only an answer while it waits counts.
    if (gate === 'fix' && this.progress.state.waiting?.gate !== 'fix') {
      log.warn('Gate fix does not wait; the decision is ignored', { decision, by });
      return;
    }
    // The first decision stands: an approval that was acted upon cannot be taken back by a late signal.
    if (!this.decisions.has(gate)) this.decisions.set(gate, { decision, by, reason });
  }

  /**
   * Waits at a gate, where this run has it.
   *
   * @param question what the human is asked, with the figures so far.
   * @throws StoppedAtGate when rejected or when nobody answers in time.
   */
  async pass(gate: GateName, question: string): Promise<void> {
    if (this.gates.includes(gate)) await this.wait(gate, question);
  }

  /**
   * Waits until somebody has mended what stopped a step, or gives up.
   *
   * @throws StoppedAtGate when rejected or when nobody answers in time.
   */
  async fix(question: string): Promise<void> {
    this.decisions.delete('fix'); // that of an earlier failure
    await this.wait('fix', question);
  }

  /** Beside the waiting: an answer must not have to wait until everybody was told. */
  private tellIn(scope: CancellationScope, message: ReturnType<typeof messageOfGate>): void {
    const { channels, state } = this.progress;
    void scope
      .run(() => tell(channels, state.cluster, message))
      .then(
        (untold) => untold.forEach((each) => log.warn(each)),
        () => undefined, // the run was cancelled, or the gate answered, before all were told
      );
  }

  private async wait(gate: AnswerableGate, question: string): Promise<void> {
    const openedAt = new Date();
    const until = new Date(openedAt.getTime() + this.timeoutMs).toISOString();
    this.progress.state.waiting = { gate, since: openedAt.toISOString(), until, question };
    this.progress.show();
    const telling = new CancellationScope();
    try {
      if (!this.decisions.has(gate))
        this.tellIn(telling, messageOfGate(this.progress.state.cluster, gate, until, question));
      await condition(() => this.decisions.has(gate), this.timeoutMs);
    } finally {
      telling.cancel(); // it waits no longer
      delete this.progress.state.waiting; // also when cancelled
    }
    const answer = this.decisions.get(gate) ?? {
      decision: 'expired' as const,
      by: 'nobody',
      reason: `no answer until ${until}`,
    };
    const approval: Approval = {
      gate,
      ...answer,
      openedAt: openedAt.toISOString(),
      decidedAt: new Date().toISOString(),
    };
    this.progress.state.approvals.push(approval);
    this.progress.show();
    if (approval.decision !== 'approved') throw new StoppedAtGate(approval);
  }
}
