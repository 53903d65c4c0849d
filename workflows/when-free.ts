import { patched, sleep } from '@temporalio/workflow';

import { rootFailure, type RunProgress } from './progress.js';

const firstWaitMs = 1_000;
/** Rare enough that a day of waiting keeps the history short. */
const longestWaitMs = 120_000;
/** As long as a step may take that writes into the repository (steps.ts): who holds it then is not coming back. */
const patienceMs = 24 * 3_600_000;

/**
 * Runs a step that needs the repository for itself, and waits its turn while another run writes there: an hourly backup that meets the nightly
 * full, or a retention run. It waits here and not in the activity, so that it takes no worker's slot, and says for whom.
 *
 * @throws the step's BusyError, which names the holder, when a day was not enough.
 */
export async function whenFree<T>(progress: RunProgress, step: () => Promise<T>): Promise<T> {
  const since = Date.now();
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
    try {
      return await step();
    } catch (error) {
      const { type, message } = rootFailure(error);
      if (type !== 'BusyError' || Date.now() - since > patienceMs) throw error;
      // A run of an earlier pgdrill that has failed here goes on to its end as it did then.
      if (!patched('wait-while-busy')) throw error;
      progress.note(`waits: ${message.split('\n')[0] ?? message}`);
      await sleep(waitMs);
    }
  }
}
