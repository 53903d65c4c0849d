import type { Check } from '../schema/results.js';

/** So many problems of one check travel by name through Temporal, which takes 2 MB a payload and keeps each for weeks. */
export const mostProblems = 100;
/** Of what was not compared, the same. */
const mostLines = 200;
/** A server's message may quote a whole row. */
const mostChars = 1_000;

export interface Bounded {
  checks: Check[];
  notCompared: string[];
  /** True where something was left out: then the whole belongs into a file. */
  cut: boolean;
}

/**
 * Makes what a validation found small enough for Temporal's history, however many tables differ. What is left out is counted.
 */
export function boundFindings(found: { checks: readonly Check[]; notCompared: readonly string[] }): Bounded {
  let cut = false;
  const shorten = (text: string): string => {
    if (text.length <= mostChars) return text;
    cut = true;
    return `${text.slice(0, mostChars)}…`;
  };
  const checks = found.checks.map((check): Check => {
    const more = check.problems.length - mostProblems;
    if (more > 0) cut = true;
    return {
      ...check,
      summary: shorten(check.summary),
      problems: check.problems
        .slice(0, mostProblems)
        .map(({ object, detail }) => ({ object: shorten(object), detail: shorten(detail) })),
      ...(more > 0 ? { moreProblems: more } : {}),
    };
  });
  const moreLines = found.notCompared.length - mostLines;
  if (moreLines > 0) cut = true;
  const notCompared = found.notCompared.slice(0, mostLines).map(shorten);
  return { checks, notCompared: moreLines > 0 ? [...notCompared, `and ${moreLines} more`] : notCompared, cut };
}
