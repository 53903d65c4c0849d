import { anybody, personOf } from '../src/schema/approvals.js';
import type { WorkflowProgress } from '../src/schema/progress.js';
import type { AnswerableGate } from '../src/schema/workflow-inputs.js';

/** An answer as it was given, by update or by signal. */
export interface GivenAnswer {
  did: 'approve' | 'reject' | 'extend' | 'retarget';
  gate: AnswerableGate;
  by: string;
  seen?: string | undefined;
  signature?: string | undefined;
}

/**
 * Why an answer does not count, in a sentence for who gave it; undefined where it does.
 *
 * @param gates those that this run stops at.
 */
export function refusalOf(
  state: Pick<WorkflowProgress, 'waiting' | 'approvals'>,
  gates: readonly AnswerableGate[],
  { did, gate, by, seen, signature }: GivenAnswer,
): string | undefined {
  const { waiting } = state;
  if (waiting?.gate !== gate) return notWaiting(state, gates, gate);
  const { rule = anybody, approvedBy = [] } = waiting;
  const person = personOf(by);
  if (rule.by !== undefined && !rule.by.some((each) => personOf(each) === person))
    return `${by} may not answer at gate ${gate}: only ${rule.by.join(', ')} may.`;
  if (did === 'extend' || did === 'retarget') return undefined;
  if (seen !== undefined && seen !== waiting.seen)
    return `The evidence has changed: the answer was given on ${seen}, now ${waiting.seen ?? 'something else'} is shown. Look again, then answer on that.`;
  if (did === 'reject') return rule.seen && seen === undefined ? unseen(gate, waiting.seen) : undefined;
  if (approvedBy.some((each) => personOf(each) === person))
    return `${by} has approved gate ${gate} already; ${rule.count} different people have to.`;
  if (rule.seen && seen === undefined) return unseen(gate, waiting.seen);
  if (rule.signed && signature === undefined)
    return `Gate ${gate} takes signed approvals only. Use: pgdrill approve --sign KEYFILE`;
  return undefined;
}

function unseen(gate: AnswerableGate, seen: string | undefined): string {
  return `An answer at gate ${gate} has to name the evidence that it is given on. Look at it, then add "seen": "${seen ?? ''}".`;
}

function notWaiting(
  { waiting, approvals }: Pick<WorkflowProgress, 'waiting' | 'approvals'>,
  gates: readonly AnswerableGate[],
  gate: AnswerableGate,
): string {
  const earlier = approvals.findLast((approval) => approval.gate === gate);
  if (earlier?.decision === 'expired')
    return `Gate ${gate} waits no longer: nobody answered in time, and at ${earlier.decidedAt} the run went on to clean up.`;
  if (earlier?.decision === 'interrupted')
    return `Gate ${gate} waits no longer: at ${earlier.decidedAt} the run ended, and went on to clean up.`;
  if (earlier !== undefined)
    return `Gate ${gate} was ${earlier.decision} by ${earlier.by} at ${earlier.decidedAt}. The first decision stands; this one changes nothing.`;
  if (!gates.includes(gate))
    return `This run does not stop at gate ${gate}${gates.length === 0 ? ', nor at any other' : `; it does at: ${gates.join(', ')}`}.`;
  return `Gate ${gate} does not wait now${waiting === undefined ? '' : `; gate ${waiting.gate} does`}. Answer when it does.`;
}
