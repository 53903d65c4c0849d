import { ApplicationFailure, isCancellation } from '@temporalio/workflow';

import { backupInputSchema } from '../src/schema/workflow-inputs.js';
import { begin } from './begin.js';
import { messageOfFailure, tell } from './notify.js';
import { parseInput } from './input.js';
import { rootFailure, RunProgress } from './progress.js';
import { steps } from './steps.js';
import { takeBackup, type TakenBackup } from './take-backups.js';

/** Takes one backup: archive check, then a full or an incremental. */
export async function backup(input: unknown): Promise<TakenBackup> {
  const { cluster, type, policy } = parseInput(backupInputSchema, input);
  const progress = new RunProgress('backup', cluster);
  try {
    await begin(progress);
    await progress.step('archive check', () => steps.checkArchive({ cluster }));
    return await takeBackup(progress, cluster, type, policy);
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (error instanceof Error) await tell(progress.channels, cluster, messageOfFailure('backup', cluster, error));
    // The failure at the top says what failed, not just that an activity did.
    throw ApplicationFailure.create({ ...rootFailure(error), nonRetryable: true });
  }
}
