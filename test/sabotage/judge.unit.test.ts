import { describe, expect, it } from 'vitest';

import { judgeSabotage, judgeTrial } from '../../src/sabotage/judge.js';
import type { Check } from '../../src/schema/results.js';
import type { SabotageTrial } from '../../src/schema/sabotage.js';

const check = (name: string, status: Check['status']): Check => ({
  name,
  status,
  summary: `${name} is ${status}.`,
  figures: {},
  problems: status === 'failed' ? [{ object: 'shop.public.orders', detail: 'differs' }] : [],
  seconds: 0,
});
const green = { checks: [check('content', 'passed')] };
const failure = (type: string, step = 'prepareRestore') => ({ type, step, message: 'It broke.\n  Meaning: bad.' });
const broke = 'bit 0 of byte 1';

describe('a trial', () => {
  it('passes where checks turned red, and names each', () => {
    const validation = {
      checks: [check('content', 'failed'), check('structure', 'failed'), check('writes', 'passed')],
    };
    expect(judgeTrial({ kind: 'heap-bit', broke, validation })).toMatchObject({
      verdict: 'passed',
      drillVerdict: 'failed',
      seenBy: [
        { by: 'check content', sentence: 'content is failed. shop.public.orders: differs' },
        { by: 'check structure' },
      ],
    });
  });

  it('passes where the restore mended just this damage and says so, and nothing else', () => {
    const mended = ['The visibility map of orders was mended.'];
    expect(judgeTrial({ kind: 'visibility-map-bit-sealed', broke, mended, validation: green })).toMatchObject({
      verdict: 'passed',
      drillVerdict: 'passed',
      seenBy: [{ by: 'step prepareRestore, which mended it', sentence: mended[0] }],
    });
    for (const outcome of [
      { kind: 'visibility-map-bit-sealed', mended: [] },
      { kind: 'row-changed', mended },
    ])
      expect(judgeTrial({ ...outcome, broke, validation: green })).toMatchObject({ verdict: 'failed', seenBy: [] });
  });

  it.each([
    { excluded: 1, blocks: 9, blocksRead: 9 },
    { excluded: 0, blocks: 9, blocksRead: 8 },
  ])('is unproven where a policy leaves out what may have been damaged: %o', (figures) => {
    const validation = { checks: [{ ...check('content', 'passed'), figures }] };
    expect(judgeTrial({ kind: 'row-changed', broke, validation })).toMatchObject({ verdict: 'unproven', seenBy: [] });
  });

  it('passes where a step of the restore refused', () => {
    expect(judgeTrial({ kind: 'heap-bit', broke, failure: failure('RepositoryError') })).toMatchObject({
      verdict: 'passed',
      seenBy: [{ by: 'step prepareRestore', sentence: 'It broke.' }],
    });
  });

  it('fails where the drill passes', () => {
    expect(judgeTrial({ kind: 'heap-bit', broke, validation: green })).toMatchObject({
      verdict: 'failed',
      drillVerdict: 'passed',
      seenBy: [],
      reason: `The drill passed although ${broke}.`,
    });
  });

  it.each([
    ['a check could not be made', { validation: { checks: [check('content', 'unproven')] } }],
    ['the sandbox was out of reach', { failure: failure('UnreachableError', 'validateRestore') }],
    ['the disk was full', { failure: failure('DiskFullError') }],
  ])('is unproven where %s: that is not red', (_, outcome) => {
    expect(judgeTrial({ kind: 'heap-bit', broke, ...outcome })).toMatchObject({ verdict: 'unproven', seenBy: [] });
  });

  it.each(['copyRepository', 'sabotage', 'prepareRestore'])(
    'is unproven where %s failed before anything was broken, whatever the error',
    (step) => {
      const trial = judgeTrial({ kind: 'row-added', failure: failure('RepositoryError', step) });
      expect(trial).toMatchObject({ verdict: 'unproven', reason: `Nothing was broken: ${step}: It broke.` });
    },
  );

  it('of the unbroken copy has to be green', () => {
    expect(judgeTrial({ kind: 'none', validation: green })).toMatchObject({ verdict: 'passed' });
    expect(judgeTrial({ kind: 'none', failure: failure('RepositoryError') })).toMatchObject({ verdict: 'failed' });
  });
});

describe('a sabotage drill', () => {
  const trial = (kind: string, verdict: SabotageTrial['verdict']): SabotageTrial => ({
    kind,
    verdict,
    seenBy: [],
    reason: `${kind} ${verdict}.`,
  });
  const control = trial('none', 'passed');

  it('passes where every trial does, and says what was left out', () => {
    const leftOut = [{ kind: 'role-dropped', reason: 'no role' }];
    const { verdict, reasons } = judgeSabotage({
      control,
      trials: [trial('a', 'passed'), trial('b', 'passed')],
      leftOut,
    });
    expect(verdict).toBe('passed');
    expect(reasons[0]).toMatch(/seen: a, b\. 1 kinds could not be tried here: role-dropped/);
  });

  it('fails for one that went unseen, however many were seen, and though it ended early', () => {
    const trials = [trial('a', 'passed'), trial('b', 'failed'), trial('c', 'unproven')];
    const { verdict, reasons } = judgeSabotage({ control, trials, leftOut: [], failure: 'The source is down.' });
    expect(verdict).toBe('failed');
    expect(reasons[0]).toContain('"b" went unseen');
  });

  it.each([
    ['a trial is', { control, trials: [trial('a', 'passed'), trial('b', 'unproven')] }],
    ['the unbroken copy did not pass', { control: trial('none', 'failed'), trials: [] }],
    ['no kind was possible', { control, trials: [] }],
    ['it ended early', { control, trials: [trial('a', 'passed')], failure: 'The source is down.' }],
  ])('is unproven where %s', (_, run) => {
    const { verdict, reasons } = judgeSabotage({ leftOut: [], ...run });
    expect(verdict).toBe('unproven');
    expect(reasons).not.toEqual([]);
  });
});
