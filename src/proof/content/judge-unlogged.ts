import type { Check } from '../../schema/results.js';
import type { UnloggedTable } from '../fingerprint-schema.js';

/** What is wrong with an unlogged table of a restored server: recovery must leave it there, readable and empty. */
export function wrongWith({ empty, unreadable }: UnloggedTable): string | undefined {
  if (unreadable !== undefined) return `cannot be read: ${unreadable}`;
  return empty === true ? undefined : 'is not empty, as recovery must leave it';
}

/** The check `unlogged`, of so many tables and what was found in them. */
export function judgeUnlogged(tables: number, problems: Check['problems']): Omit<Check, 'seconds'> {
  return {
    name: 'unlogged',
    status: problems.length > 0 ? 'failed' : 'passed',
    summary: summaryOf(tables, problems.length),
    figures: { tables, differing: problems.length },
    problems,
  };
}

function summaryOf(tables: number, wrong: number): string {
  if (wrong > 0) return `${wrong} of ${tables} unlogged tables are not as recovery must leave them.`;
  return tables === 0
    ? 'There are no unlogged tables.'
    : `${tables} unlogged tables came back empty, as they do after every restore.`;
}
