import { ApplicationFailure, setCurrentDetails } from '@temporalio/workflow';

import type { SweepReport } from '../src/schema/leftovers.js';
import { janitorInputSchema } from '../src/schema/workflow-inputs.js';
import { parseInput } from './input.js';
import { steps } from './steps.js';

/** Removes what runs that are over left on the worker's host. Red where something should be gone and is not. */
export async function janitor(rawInput: unknown): Promise<SweepReport> {
  const input = parseInput(janitorInputSchema, rawInput);
  const report = await steps.sweep(input);
  const { removed, refused, failed } = report;
  setCurrentDetails(
    [
      ...failed.map(({ what, why, todo }) => `- ✘ **${what}** is still there: ${why}. ${todo}`),
      ...refused.map(({ what, why, todo }) => `- ? **${what}** is kept: ${why}. ${todo}`),
      ...removed.map(({ what, why }) => `- ✔ removed ${what}: ${why}`),
    ].join('\n') || 'Nothing was left over.',
  );
  if (failed.length === 0) return report;
  throw ApplicationFailure.create({
    type: 'LeftoverError',
    nonRetryable: true,
    message: failed
      .map(({ what, why, todo }) => `${what} should be gone and is not: ${why}.\n  To do: ${todo}`)
      .join('\n'),
    details: [{ exitCode: 1, report }],
  });
}
