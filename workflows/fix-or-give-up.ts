import { isCancellation, patched } from '@temporalio/workflow';

import type { Gates } from './gates.js';
import { StoppedAtGate } from './stopped-at-gate.js';
import { rootFailure, type RunProgress } from './progress.js';
import type { OrFix } from './restore.js';

/** Somebody gave up at gate `fix`, or nobody answered: the run ends with what stopped it. */
export class GivenUp extends Error {
  constructor(readonly failure: Error) {
    super(`given up: ${failure.message}`);
  }
}

/**
 * Runs a step. Where it fails for good (its retries are used up, or only a human can mend it), it waits at gate `fix` with what failed and
 * what to do, and tries the step again when that is approved, as often as it takes. What was restored so far is kept meanwhile.
 *
 * @throws GivenUp when it is rejected, or nobody answers in time.
 */
export function fixOrGiveUp(gates: Gates, progress: RunProgress, enabled: boolean): OrFix {
  return async (step) => {
    for (;;) {
      try {
        return await step();
      } catch (error) {
        if (!enabled || !(error instanceof Error) || isCancellation(error) || error instanceof StoppedAtGate)
          throw error;
        // A run of an earlier pgdrill that has failed here goes on to its end as it did then.
        if (!patched('fix-gate')) throw error;
        await waitForFix(gates, progress, error);
      }
    }
  };
}

async function waitForFix(gates: Gates, progress: RunProgress, failure: Error): Promise<void> {
  const { message, details } = rootFailure(failure);
  const question = `Step \`${progress.current}\` failed: ${whatAndTodo(message, details)} Approve: the step is tried again. Reject: give up and clean up.`;
  try {
    await gates.fix(question);
  } catch (error) {
    if (error instanceof StoppedAtGate) throw new GivenUp(failure);
    throw error;
  }
}

/** The message of our own errors has what happened, what it means and what to do on lines of their own. */
function whatAndTodo(message: string, details: readonly unknown[]): string {
  const [detail] = details as [{ explanation?: { what: string; todo: string } }?];
  const explanation = detail?.explanation;
  const text = explanation === undefined ? message : `${explanation.what} To do: ${explanation.todo}`;
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
