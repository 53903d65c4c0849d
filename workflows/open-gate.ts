import type { GateRule } from '../src/schema/approvals.js';
import { type Approval, type Plan, standingApprovals } from '../src/schema/results.js';
import type { AnswerableGate } from '../src/schema/workflow-inputs.js';

/** What a retarget does. */
export interface Mover {
  /** Plans it, and takes the server to it. @throws what is wrong with the target; then nothing has changed. */
  plan: (target: string) => Promise<Plan>;
  /** Replays up to it. @returns the question that the gate asks then. */
  replay: (plan: Plan) => Promise<string>;
}

/** A gate that waits: what has been answered so far, and until when it waits. */
export interface OpenGate {
  gate: AnswerableGate;
  rule: GateRule;
  openedMs: number;
  untilMs: number;
  answers: NonNullable<Approval['answers']>;
  /** The digest of what is shown. */
  seen: string;
  decision?: 'approved' | 'rejected';
  /** How the run goes on to another target from here; absent where it cannot. */
  mover?: Mover;
  /** Another target is being planned, or has been: nobody can answer to what is shown now. */
  moving?: { target: string; plan?: Plan };
}

/** How a gate ended, for the evidence. */
export function approvalOf(
  {
    gate,
    rule,
    answers,
    untilMs,
    seen,
    decision = 'expired',
  }: Omit<OpenGate, 'decision'> & { decision?: Approval['decision'] },
  openedAt: string,
): Approval {
  const approved = standingApprovals(answers);
  const deciding = decision === 'approved' ? approved : answers.filter(({ did }) => did === 'rejected').slice(0, 1);
  const until = new Date(untilMs).toISOString();
  const some = approved.map(({ by }) => by).join(' and ');
  const noAnswer =
    some === '' ? `no answer until ${until}` : `only ${some} approved until ${until}; ${rule.count} have to`;
  const decided = decision === 'approved' || decision === 'rejected';
  const plain = decided && answers.length === 1 && answers[0]?.key === undefined;
  return {
    gate,
    decision,
    by: decided ? deciding.map(({ by }) => by).join(' and ') : 'nobody',
    reason: decided ? reasonsOf(deciding) : decision === 'expired' ? noAnswer : 'the run ended before anybody decided',
    openedAt,
    decidedAt: new Date().toISOString(),
    seen,
    ...(plain || answers.length === 0 ? {} : { answers }),
  };
}

function reasonsOf(answers: readonly { by: string; reason: string }[]): string {
  const [first] = answers;
  if (answers.length < 2) return first?.reason ?? '';
  return answers
    .filter(({ reason }) => reason !== '')
    .map(({ by, reason }) => `${by}: ${reason}`)
    .join('; ');
}
