import { describe, expect, test } from 'vitest';

import { anybody, type GateRule } from '../../src/schema/approvals.js';
import type { Waiting } from '../../src/schema/progress.js';
import type { Approval } from '../../src/schema/results.js';
import { type GivenAnswer, refusalOf } from '../../workflows/refusal.js';

const at = '2026-11-22T02:00:00.000Z';
const waitingWith = (rule: Partial<GateRule> = {}, approvedBy?: string[]): Waiting => ({
  gate: 'promote',
  ...{ since: at, until: at, question: 'Promote?', seen: 'abc' },
  rule: { ...anybody, ...rule },
  ...(approvedBy === undefined ? {} : { approvedBy }),
});
const decided = (decision: Approval['decision'], by: string): Approval => ({
  ...{ gate: 'promote', decision, by, reason: '', openedAt: at, decidedAt: at },
});
const ada: GivenAnswer = { did: 'approve', gate: 'promote', by: 'ada' };

const refusal = (waiting: Waiting | undefined, answer: Partial<GivenAnswer> = {}, approvals: Approval[] = []) =>
  refusalOf({ approvals, ...(waiting === undefined ? {} : { waiting }) }, ['restore', 'promote'], {
    ...ada,
    ...answer,
  });

describe('an answer counts', () => {
  test.each([
    ['of anybody, where nothing is demanded', waitingWith(), {}],
    ['on what is shown now', waitingWith({ seen: true }), { seen: 'abc' }],
    ['of one who may, however the name is written', waitingWith({ by: ['Ada '] }), {}],
    ['of the second person', waitingWith({ count: 2 }, ['grace']), {}],
    ['that rejects without a signature', waitingWith({ signed: true }), { did: 'reject' as const }],
    ['that extends on older evidence', waitingWith({ seen: true }), { did: 'extend' as const }],
  ])('%s', (_what, waiting, answer) => {
    expect(refusal(waiting, answer)).toBeUndefined();
  });
});

describe('an answer does not count, and why', () => {
  test.each([
    ['too early', undefined, {}, /^Gate promote does not wait now\. Answer when it does\.$/],
    ['at the wrong gate', waitingWith(), { gate: 'restore' as const }, /restore does not wait now; gate promote does/],
    [
      'at a gate that this run has not',
      waitingWith(),
      { gate: 'fix' as const },
      /does not stop at gate fix; .*restore/,
    ],
    ['of one who may not', waitingWith({ by: ['grace'] }), {}, /^ada may not answer .*: only grace may\.$/],
    ['of one who may not, to extend', waitingWith({ by: ['grace'] }), { did: 'extend' as const }, /may not answer/],
    ['of one who has approved', waitingWith({ count: 2 }, ['Ada']), {}, /already; 2 different people/],
    ['on older evidence', waitingWith(), { seen: 'old' }, /evidence has changed: .* on old, now abc/],
    ['that rejects older evidence', waitingWith(), { did: 'reject' as const, seen: 'old' }, /has changed/],
    ['that names no evidence', waitingWith({ seen: true }), {}, /has to name the evidence .*"seen": "abc"/],
    ['unsigned', waitingWith({ signed: true }), {}, /signed approvals only.*--sign/],
  ])('%s', (_what, waiting, answer, sentence) => {
    expect(refusal(waiting, answer)).toMatch(sentence);
  });

  test.each([
    ['twice', 'approved' as const, /was approved by grace at .* first decision stands/],
    ['after a rejection', 'rejected' as const, /was rejected by grace/],
    ['after the time-out', 'expired' as const, /waits no longer: nobody answered in time/],
    ['after a cancel', 'interrupted' as const, /waits no longer: at .* the run ended/],
  ])('%s', (_what, decision, sentence) => {
    expect(refusal(undefined, {}, [decided(decision, 'grace')])).toMatch(sentence);
  });
});
