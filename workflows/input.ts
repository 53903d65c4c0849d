import { ApplicationFailure } from '@temporalio/workflow';
import { z } from 'zod';

import { didYouMean } from '../src/schema/closest.js';

/**
 * Checks a workflow's input. A raw ZodError would fail the workflow *task*, which Temporal retries for ever, so it becomes a failure that
 * ends the workflow at once and names the field.
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  const problems = problemsOf(parsed.error, schema);
  throw ApplicationFailure.create({
    type: 'UsageError',
    nonRetryable: true,
    message: `The input is not understood: ${problems.join('; ')}.\n  Meaning: Nothing was started.\n  To do: Start it again with an input such as {"cluster": "shop"}.`,
    details: [{ exitCode: 64, problems }],
  });
}

/** What a schema objects to, a field each. */
export function problemsOf(error: z.ZodError, schema: z.ZodType): string[] {
  return error.issues.map(
    (issue) =>
      `${issue.path.length === 0 ? 'input' : issue.path.join('.')}: ${issue.message}${issue.code === 'unrecognized_keys' ? known(issue.keys, schema) : ''}`,
  );
}

/** A key with a typo is easily mended by whoever sees the right one. */
function known(mistyped: readonly string[], schema: z.ZodType): string {
  if (!(schema instanceof z.ZodObject)) return '';
  const keys = Object.keys(schema.shape);
  const meant = mistyped.map((key) => didYouMean(key, keys)).join('');
  return `${meant === '' ? '' : `.${meant}`} (there are: ${keys.join(', ')})`;
}
