import { ApplicationFailure } from '@temporalio/workflow';
import type { z } from 'zod';

/**
 * Checks a workflow's input. A raw ZodError would fail the workflow *task*, which Temporal retries for ever, so it becomes a failure that
 * ends the workflow at once and names the field.
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.length === 0 ? 'input' : path.join('.')}: ${message}`,
  );
  throw ApplicationFailure.create({
    type: 'UsageError',
    nonRetryable: true,
    message: `The input is not understood: ${problems.join('; ')}.\n  Meaning: Nothing was started.\n  To do: Start it again with an input such as {"cluster": "shop"}.`,
    details: [{ exitCode: 64, problems }],
  });
}
