import { z } from 'zod';

import { durationSchema, parseDurationMs } from './primitives.js';
import { type AnswerableGate, answerableGateSchema } from './workflow-inputs.js';

const gateSchema = z.strictObject({
  by: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'Who may answer, by the names that they give (`by`). Default: anybody. A name alone is no proof: see `signed`.',
    ),
  count: z
    .int()
    .min(1)
    .max(10)
    .default(1)
    .describe('How many different people have to approve. One rejection is enough to stop.'),
  seen: z
    .boolean()
    .default(false)
    .describe(
      'Whether an answer has to name the evidence that it is given on (`seen`, shown at the gate), so that nobody answers to what has changed since.',
    ),
  signed: z
    .boolean()
    .default(false)
    .describe(
      'Whether an approval needs the SSH signature of a key in `allowed_signers` (`pgdrill approve --sign`). It names the evidence, too.',
    ),
  remind: z
    .array(durationSchema)
    .default([])
    .describe('How long after the gate has opened people are reminded, such as `[1h, 4h]`: events in the catalog.'),
  escalate: durationSchema
    .optional()
    .describe('How long after the gate has opened the wait is an event of severity `critical`.'),
});

/** Who may answer at which gate, and what an answer needs (docs/approvals.md). */
export const approvalsSchema = z
  .strictObject({
    allowed_signers: z
      .string()
      .startsWith('/', 'must be an absolute path')
      .optional()
      .describe('Whose keys count: an `allowed_signers` file (ssh-keygen(1)). Keep it where approvers cannot write.'),
    restore: gateSchema.optional().describe('Gate `restore`: before anything is restored.'),
    promote: gateSchema
      .optional()
      .describe('Gate `promote`: when the target is reached, before the server takes writes.'),
    cutover: gateSchema
      .optional()
      .describe('Gate `cutover` of a recovery: when the server takes writes, before it is stopped and handed over.'),
    fix: gateSchema.optional().describe('Gate `fix` of a recovery: when only a person can mend what stopped it.'),
  })
  .default({})
  .superRefine((approvals, context) => {
    for (const gate of answerableGateSchema.options) {
      const { by, count = 1, signed = false } = approvals[gate] ?? {};
      if (by !== undefined && new Set(by.map(personOf)).size < count) {
        const message = `must be at most ${new Set(by.map(personOf)).size}: more people than \`by\` names could never approve`;
        context.addIssue({ code: 'custom', path: [gate, 'count'], message });
      }
      if (signed && approvals.allowed_signers === undefined) {
        const message = 'needs allowed_signers beside it: without it no signature could be checked';
        context.addIssue({ code: 'custom', path: [gate, 'signed'], message });
      }
    }
  })
  .describe('Who may answer at which gate, and what an answer needs (docs/approvals.md).');

/** What an answer at one gate needs, with every duration a number. Kept in a run's history: a later edit changes no running drill. */
export interface GateRule {
  by?: string[];
  count: number;
  seen: boolean;
  signed: boolean;
  remindMs: number[];
  escalateMs?: number;
}

export type GateRules = Partial<Record<AnswerableGate, GateRule>>;

/** What holds at a gate of which the configuration says nothing. */
export const anybody: GateRule = { count: 1, seen: false, signed: false, remindMs: [] };

export function gateRulesOf(approvals: z.output<typeof approvalsSchema>): GateRules {
  const rules: GateRules = {};
  for (const gate of answerableGateSchema.options) {
    const configured = approvals[gate];
    if (configured === undefined) continue;
    const { by, count, seen, signed, remind, escalate } = configured;
    rules[gate] = {
      ...(by === undefined ? {} : { by }),
      ...{ count, seen: seen || signed, signed },
      remindMs: remind.map(durationMs),
      ...(escalate === undefined ? {} : { escalateMs: durationMs(escalate) }),
    };
  }
  return rules;
}

/** One person may write his name in more than one way; he counts once. */
export function personOf(name: string): string {
  return name.trim().toLowerCase();
}

/** The schema has let only durations through. */
function durationMs(text: string): number {
  return parseDurationMs(text) ?? 0;
}
