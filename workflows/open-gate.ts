import type { GateRule } from '../src/schema/approvals.js';
import type { Approval } from '../src/schema/results.js';
import type { AnswerableGate } from '../src/schema/workflow-inputs.js';

/** A gate that waits: what has been answered so far, and until when it waits. */
export interface OpenGate {
  gate: AnswerableGate;
  rule: GateRule;
  openedMs: number;
  untilMs: number;
  answers: NonNullable<Approval['answers']>;
  decision?: 'approved' | 'rejected';
}

/** How a gate ended, for the evidence. */
export function approvalOf(
  {
    gate,
    rule,
    answers,
    untilMs,
    decision = 'expired',
  }: Omit<OpenGate, 'decision'> & { decision?: Approval['decision'] },
  { openedAt, seen }: { openedAt: string; seen: string },
): Approval {
  const approved = answers.filter(({ did }) => did === 'approved');
  const deciding = decision === 'approved' ? approved : answers.filter(({ did }) => did === 'rejected').slice(0, 1);
  const until = new Date(untilMs).toISOString();
  const some = approved.map(({ by }) => by).join(' and ');
  const noAnswer =
    some === '' ? `no answer until ${until}` : `only ${some} approved until ${until}; ${rule.count} have to`;
  const plain = decision !== 'expired' && answers.length === 1 && answers[0]?.key === undefined;
  return {
    gate,
    decision,
    by: decision === 'expired' ? 'nobody' : deciding.map(({ by }) => by).join(' and '),
    reason: decision === 'expired' ? noAnswer : reasonsOf(deciding),
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
