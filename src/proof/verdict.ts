import type { Check, Verdict } from '../schema/results.js';

const shownObjects = 3;

/**
 * The verdict over all checks of a drill, and why, in sentences; the first is the one to show.
 *
 * `failed` where one check failed; else `unproven` where one could not be made, or where the content was never compared (the
 * other checks alone prove nothing about the rows); else `passed`.
 */
export function judge(checks: readonly Check[]): { verdict: Verdict; reasons: string[] } {
  const failed = checks.filter(({ status }) => status === 'failed');
  const unproven = checks.filter(({ status }) => status === 'unproven');
  const reasons = [
    ...failed.map((check) => sentence('failed', check)),
    ...unproven.map((check) => sentence('is unproven', check)),
    ...(checks.some(({ name }) => name === 'content') ? [] : ['The content was not compared with the source.']),
  ];
  if (failed.length > 0) return { verdict: 'failed', reasons };
  if (reasons.length > 0) return { verdict: 'unproven', reasons };
  const content = checks.find(({ name }) => name === 'content');
  return {
    verdict: 'passed',
    reasons: [
      `All ${checks.length} checks passed: ${checks.map(titleOf).join(', ')}.`,
      ...(content === undefined ? [] : [content.summary]),
    ],
  };
}

/** What a check is called where others of the same name may stand beside it. */
export function titleOf({ name, at }: Pick<Check, 'name' | 'at'>): string {
  return at === undefined ? name : `${name} at ${at}`;
}

function sentence(outcome: string, check: Check): string {
  const objects = check.problems.slice(0, shownObjects).map(({ object, detail }) => `${object} (${detail})`);
  const more = check.problems.length + (check.moreProblems ?? 0) - objects.length;
  const named = objects.length === 0 ? '' : ` ${objects.join('; ')}${more > 0 ? `; and ${more} more` : ''}.`;
  return `Check "${titleOf(check)}" ${outcome}: ${check.summary}${named}`;
}
