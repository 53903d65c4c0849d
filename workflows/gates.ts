import { ApplicationFailure, log, workflowInfo } from '@temporalio/workflow';

import { anybody, type GateRules } from '../src/schema/approvals.js';
import { parseDurationMs } from '../src/schema/primitives.js';
import { standingApprovals } from '../src/schema/results.js';
import { type AnswerableGate, type Decision, decisionSchema, type RecoverGate } from '../src/schema/workflow-inputs.js';
import { digestOf } from './digest.js';
import { GateCaller } from './gate-caller.js';
import { type Did, type Extension, like, listen, refused, type Retarget } from './gate-messages.js';
import { problemsOf } from './input.js';
import { approvalOf, type Mover, type OpenGate } from './open-gate.js';
import { rootFailure, type RunProgress } from './progress.js';
import { type GivenAnswer, refusalOf } from './refusal.js';
import { steps } from './steps.js';
import { StoppedAtGate } from './stopped-at-gate.js';

/** Nobody keeps a sandbox for longer without looking at it again. */
const longestWaitMs = 30 * 86_400_000;

/**
 * The points where a workflow waits for a human. An update is answered at once, with what it did or why it does not count; a signal cannot be
 * answered, so what is refused of it is shown at the gate. A signal may come before its gate opens: it is kept until then.
 */
export class Gates {
  private readonly early: { did: Did; decision: Decision }[] = [];
  private open: OpenGate | undefined;

  constructor(
    private readonly progress: RunProgress,
    private readonly gates: readonly RecoverGate[],
    private readonly timeoutMs: number,
    private readonly rules: GateRules = {},
  ) {
    listen({
      signalled: (did, input) => this.signalled(did, input),
      answer: (did, decision) => this.answer(did, decision),
      refuseAnswer: (did, decision) => this.refuse({ did, ...decision }),
      extend: (extension) => this.extend(extension),
      refuseToExtend: (extension) => this.refuseToExtend(extension),
      retarget: (retarget) => this.retarget(retarget),
      refuseToRetarget: (retarget) => this.refuse({ did: 'retarget', ...retarget }),
    });
  }

  /** A signal handler that throws would fail the workflow: what is refused is shown and changes nothing. */
  private signalled(did: Did, input: unknown): void {
    const parsed = decisionSchema.safeParse(input);
    if (!parsed.success) {
      log.warn('A decision was not understood and is ignored', { input, problem: parsed.error.message });
      this.showRefusal(
        `The signal ${did} was not understood: ${problemsOf(parsed.error, decisionSchema).join('; ')}. Its input looks like ${like}`,
      );
      return;
    }
    const decision = parsed.data;
    // Gate fix opens again and again, and nobody can answer before it is known what failed: only an answer while it waits counts.
    if (this.open?.gate === decision.gate || decision.gate === 'fix') this.takeSignal(did, decision);
    else this.early.push({ did, decision });
  }

  private takeSignal(did: Did, decision: Decision): void {
    this.answer(did, decision).catch((error: unknown) => {
      const { message } = rootFailure(error);
      log.warn('A decision does not count', { did, by: decision.by, message });
      this.showRefusal(message);
    });
  }

  private showRefusal(text: string): void {
    const { waiting } = this.progress.state;
    if (waiting === undefined) return;
    waiting.refused = text;
    this.progress.show();
  }

  /** @throws ApplicationFailure, which an update answers with. Changes nothing, so that a validator may ask. */
  private refuse(answer: GivenAnswer): void {
    const refusal = refusalOf(this.progress.state, this.stops(), answer);
    if (refusal !== undefined) throw refused(refusal);
    const decided = this.open?.decision;
    if (decided !== undefined)
      throw refused(`Gate ${answer.gate} has just been ${decided}. The first decision stands.`);
    const moving = this.open?.moving;
    if (moving !== undefined) throw refused(`The run goes on to ${moving.target}. Answer when it is there.`);
  }

  private stops(): AnswerableGate[] {
    return this.progress.state.kind === 'recover' ? [...this.gates, 'fix'] : [...this.gates];
  }

  /**
   * Takes an answer. The first that decides stands: an approval that was acted upon cannot be taken back.
   *
   * @returns what it did, in a sentence.
   * @throws ApplicationFailure that says why it does not count.
   */
  private async answer(did: Did, decision: Decision): Promise<string> {
    const given = { did, ...decision };
    this.refuse(given);
    const key = did === 'approve' && this.open?.rule.signed === true ? await this.keyOf(decision) : undefined;
    if (key !== undefined) this.refuse(given); // much may have happened while the signature was looked at
    const { open } = this;
    if (open === undefined) throw refused(`Gate ${decision.gate} does not wait now.`);
    const { by, reason } = decision;
    const done = did === 'approve' ? 'approved' : 'rejected';
    open.answers.push({ did: done, by, reason, at: new Date().toISOString(), ...(key === undefined ? {} : { key }) });
    const approvedBy = standingApprovals(open.answers).map((each) => each.by);
    const missing = open.rule.count - approvedBy.length;
    if (did === 'reject') open.decision = 'rejected';
    else if (missing <= 0) open.decision = 'approved';
    const { waiting } = this.progress.state;
    if (waiting !== undefined) {
      delete waiting.refused;
      if (open.rule.count > 1) waiting.approvedBy = approvedBy;
    }
    if (open.decision === undefined) this.progress.show();
    return open.decision === undefined
      ? `Gate ${open.gate}: approved by ${approvedBy.join(' and ')}; ${missing} more to come.`
      : `Gate ${open.gate}: ${open.decision} by ${open.decision === 'approved' ? approvedBy.join(' and ') : by}.`;
  }

  /** The fingerprint of the key that signed. @throws ApplicationFailure where that is not one of the person's. */
  private async keyOf({ gate, by, reason, seen = '', signature = '' }: Decision): Promise<string> {
    const { workflowId, runId } = workflowInfo();
    const statement = { workflowId, runId, gate, decision: 'approve' as const, seen, by, reason };
    try {
      const verified = await steps.verifyApproval({ cluster: this.progress.state.cluster, statement, signature });
      if (verified.refused === undefined) return verified.key;
      throw refused(verified.refused);
    } catch (error) {
      throw asAnswer(error);
    }
  }

  private refuseToExtend({ gate, by, for: span }: Extension): void {
    this.refuse({ did: 'extend', gate, by });
    const until = (this.open?.untilMs ?? 0) + (parseDurationMs(span) ?? 0);
    if (until - Date.now() > longestWaitMs) throw refused('A gate waits for 30 days at most from now.');
  }

  private extend(extension: Extension): string {
    this.refuseToExtend(extension);
    const { gate, by, reason, for: span } = extension;
    const { open } = this;
    const { waiting } = this.progress.state;
    if (open === undefined || waiting === undefined) throw refused(`Gate ${gate} does not wait now.`);
    open.untilMs += parseDurationMs(span) ?? 0;
    open.answers.push({ did: 'extended', by, reason, at: new Date().toISOString() });
    waiting.until = new Date(open.untilMs).toISOString();
    this.progress.show();
    return `Gate ${gate} waits until ${waiting.until}.`;
  }

  /** @throws ApplicationFailure where the target cannot be reached from here; the gate waits on as before. */
  private async retarget(asked: Retarget): Promise<string> {
    this.refuse({ did: 'retarget', ...asked });
    const { target, by, reason } = asked;
    const { open } = this;
    if (open?.mover === undefined) throw refused('Only a restored server that is paused at gate promote can go on.');
    open.moving = { target };
    try {
      const plan = await open.mover.plan(target);
      open.answers.push({ did: 'retargeted', by, reason: `${target}: ${reason}`, at: new Date().toISOString() });
      open.moving = { target, plan };
      return `Replay goes on to ${target}${plan.target.lsn === undefined ? '' : ` (${plan.target.lsn})`}; gate promote asks again when it is there.`;
    } catch (error) {
      delete open.moving;
      throw asAnswer(error);
    }
  }

  /**
   * Waits at a gate, where this run has it.
   *
   * @param question what the human is asked, with the figures so far.
   * @throws StoppedAtGate when rejected or when nobody answers in time.
   */
  async pass(gate: RecoverGate, question: string, mover?: Mover): Promise<void> {
    if (this.gates.includes(gate)) await this.wait(gate, question, mover);
  }

  /**
   * Waits until somebody has mended what stopped a step, or gives up.
   *
   * @throws StoppedAtGate when rejected or when nobody answers in time.
   */
  async fix(question: string): Promise<void> {
    await this.wait('fix', question);
  }

  private async wait(gate: AnswerableGate, question: string, mover?: Mover): Promise<void> {
    const openedMs = Date.now();
    const rule = this.rules[gate] ?? anybody;
    const open: OpenGate = {
      gate,
      rule,
      openedMs,
      untilMs: openedMs + this.timeoutMs,
      answers: [],
      seen: '',
      ...(mover === undefined ? {} : { mover }),
    };
    const { state } = this.progress;
    const since = new Date(openedMs).toISOString();
    const outer = this.open; // gate fix may open while another goes on to a new target
    this.open = open;
    let asked = question;
    this.ask(open, asked);
    for (const { did, decision } of this.early.filter((each) => each.decision.gate === gate))
      this.takeSignal(did, decision);
    this.progress.show();
    const caller = new GateCaller(this.progress);
    try {
      if (open.decision === undefined) caller.call(question);
      await caller.untilDecided(open);
      while (mover !== undefined && open.moving?.plan !== undefined) {
        delete state.waiting;
        const next = await mover.replay(open.moving.plan);
        delete open.moving;
        open.answers = open.answers.map((each) => ({ shown: { question: asked, seen: open.seen }, ...each }));
        asked = next;
        open.untilMs = Date.now() + this.timeoutMs;
        this.ask(open, asked);
        this.progress.show();
        await caller.untilDecided(open);
      }
    } catch (error) {
      // Cancelled, or the replay to another target failed: who has answered stays on record.
      state.approvals.push(approvalOf({ ...open, decision: 'interrupted' }, since));
      throw error;
    } finally {
      caller.stop();
      this.open = outer;
      delete state.waiting; // also when cancelled
    }
    const approval = approvalOf(open, since);
    state.approvals.push(approval);
    this.progress.show();
    if (approval.decision !== 'approved') throw new StoppedAtGate(approval);
  }

  /** Shows what is asked, and on what evidence. */
  private ask(open: OpenGate, question: string): void {
    const { gate, rule, untilMs } = open;
    const { state } = this.progress;
    const since = new Date().toISOString();
    const shown = state.steps.map(({ step, state: how, summary = '' }) => [step, how, summary]);
    open.seen = digestOf([workflowInfo().runId, gate, since, question, shown]);
    state.waiting = { gate, since, until: new Date(untilMs).toISOString(), question, seen: open.seen, rule };
  }
}

/** An update that fails with anything else but this would fail the workflow's task. */
function asAnswer(error: unknown): ApplicationFailure {
  return ApplicationFailure.create({ ...rootFailure(error), nonRetryable: true });
}
