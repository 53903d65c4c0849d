import { describe, expect, it } from 'vitest';

import { judge } from '../../src/proof/verdict.js';
import type { Check } from '../../src/schema/results.js';

function check(name: string, status: Check['status'], problems: Check['problems'] = []): Check {
  return { name, status, summary: `Summary of ${name}.`, figures: {}, problems, seconds: 1 };
}

describe('the verdict', () => {
  it.each([
    ['passed', [check('content', 'passed'), check('schema', 'passed')]],
    ['passed', [check('content', 'passed')]],
    ['failed', [check('content', 'passed'), check('schema', 'failed')]],
    ['failed', [check('content', 'unproven'), check('schema', 'failed')]],
    ['failed', [check('schema', 'failed')]],
    ['unproven', [check('content', 'passed'), check('schema', 'unproven')]],
    ['unproven', [check('content', 'unproven')]],
    ['unproven', [check('schema', 'passed'), check('writes', 'passed')]],
    ['unproven', []],
  ] as const)('is %s', (verdict, checks) => {
    const judged = judge(checks);
    expect(judged.verdict).toBe(verdict);
    expect(judged.reasons.length).toBeGreaterThan(0);
  });

  it('names the failed check and its first objects before anything else', () => {
    const problems = ['a', 'b', 'c', 'd'].map((object) => ({ object: `shop.public.${object}`, detail: 'is missing' }));
    const { reasons } = judge([check('sequences', 'unproven'), check('content', 'failed', problems)]);
    expect(reasons).toEqual([
      'Check "content" failed: Summary of content. shop.public.a (is missing); shop.public.b (is missing); shop.public.c (is missing); and 1 more.',
      'Check "sequences" is unproven: Summary of sequences.',
    ]);
  });

  it('says that the content was never compared', () => {
    expect(judge([check('schema', 'passed')]).reasons).toContain('The content was not compared with the source.');
  });
});
