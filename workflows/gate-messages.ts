import {
  ApplicationFailure,
  defineSignal,
  defineUpdate,
  log,
  setDefaultSignalHandler,
  setHandler,
} from '@temporalio/workflow';
import type { z } from 'zod';

import {
  type Decision,
  type DecisionInput,
  decisionSchema,
  type ExtendInput,
  extendSchema,
  type RetargetInput,
  retargetSchema,
} from '../src/schema/workflow-inputs.js';
import { problemsOf } from './input.js';

export type Did = 'approve' | 'reject';

/** What an answer looks like. */
export const like = '{"gate": "promote", "by": "your name", "reason": "why"}';

const approveSignal = defineSignal<[DecisionInput]>('approve');
const rejectSignal = defineSignal<[DecisionInput]>('reject');
const approveUpdate = defineUpdate<string, [DecisionInput]>('approve');
const rejectUpdate = defineUpdate<string, [DecisionInput]>('reject');
const retargetUpdate = defineUpdate<string, [RetargetInput]>('retarget');
const extendUpdate = defineUpdate<string, [ExtendInput]>('extend');

/** Who is asked by the messages. Each `refuse…` may throw, changes nothing, and is asked before an update is taken. */
export interface Answered {
  /** A signal cannot be answered: it may not throw, and its input may be anything. */
  signalled: (did: Did, input: unknown) => void;
  answer: (did: Did, decision: Decision) => Promise<string>;
  refuseAnswer: (did: Did, decision: Decision) => void;
  extend: (extension: Extension) => string;
  refuseToExtend: (extension: Extension) => void;
  retarget: (retarget: Retarget) => Promise<string>;
  refuseToRetarget: (retarget: Retarget) => void;
}

export type Extension = z.output<typeof extendSchema>;
export type Retarget = z.output<typeof retargetSchema>;

/** Takes the signals and updates that people send to a run with gates. */
export function listen(to: Answered): void {
  // Decisions may have come before this moment. The default handler takes them in the order they were sent in; a handler by name
  // would take all of its own name first, and the first decision stands. It also takes signals of other names, which mean nothing.
  setDefaultSignalHandler((name, decision) => {
    if (name === approveSignal.name) to.signalled('approve', decision);
    else if (name === rejectSignal.name) to.signalled('reject', decision);
    else log.warn('There is no such signal; it is ignored', { name });
  });
  const signals = [
    ['approve', approveSignal, `Let the workflow pass a gate: ${like}`],
    ['reject', rejectSignal, `Stop the workflow at a gate and clean up: ${like}`],
  ] as const;
  for (const [did, signal, description] of signals)
    setHandler(signal, (decision) => to.signalled(did, decision), { description });
  const updates = [
    ['approve', approveUpdate, `Let the workflow pass a gate; answers at once: ${like}`],
    ['reject', rejectUpdate, `Stop the workflow at a gate and clean up; answers at once: ${like}`],
  ] as const;
  for (const [did, update, description] of updates)
    setHandler(update, (input) => to.answer(did, parseAnswer(decisionSchema, input)), {
      description,
      validator: (input) => to.refuseAnswer(did, parseAnswer(decisionSchema, input)),
    });
  setHandler(extendUpdate, (input) => to.extend(parseAnswer(extendSchema, input)), {
    description: 'Let a gate wait longer: {"gate": "promote", "for": "2h", "by": "your name", "reason": "why"}',
    validator: (input) => to.refuseToExtend(parseAnswer(extendSchema, input)),
  });
  setHandler(retargetUpdate, (input) => to.retarget(parseAnswer(retargetSchema, input)), {
    description:
      'Replay on to a later target, without restoring again: {"target": "lsn=0/5000028", "by": "your name", "reason": "why"}',
    validator: (input) => to.refuseToRetarget(parseAnswer(retargetSchema, input)),
  });
}

/** @throws ApplicationFailure that says what is wrong and what an answer looks like. */
function parseAnswer<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  throw refused(`The answer is not understood: ${problemsOf(parsed.error, schema).join('; ')}. It looks like ${like}`);
}

/** Why an answer does not count: what an update answers with. */
export function refused(message: string): ApplicationFailure {
  return ApplicationFailure.create({ type: 'AnswerRefused', nonRetryable: true, message });
}
