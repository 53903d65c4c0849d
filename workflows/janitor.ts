import { ApplicationFailure, isCancellation, log, patched, setCurrentDetails } from '@temporalio/workflow';

import type { SweepReport } from '../src/schema/leftovers.js';
import { janitorInputSchema } from '../src/schema/workflow-inputs.js';
import { parseInput } from './input.js';
import { rootFailure } from './progress.js';
import { steps } from './steps.js';

/** What is wrong without any run having told it. Where nothing can be found out or told now, the next janitor tries again. */
async function tellOfDue({ failed: leftovers }: SweepReport): Promise<void> {
  if (!patched('find-due')) return;
  try {
    for (const each of await steps.findDue(leftovers.length === 0 ? {} : { leftovers }))
      await steps.notify(each).catch((error: unknown) => warn(error));
  } catch (error) {
    warn(error);
  }
}

function warn(error: unknown): void {
  if (isCancellation(error)) throw error;
  log.warn(rootFailure(error).message);
}

/** Removes what runs that are over left on the worker's host, and tells what no run has told. Red where something should be gone and is not. */
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
  await tellOfDue(report);
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
