import { ApplicationFailure, isCancellation, workflowInfo } from '@temporalio/workflow';

import { bytes } from '../src/schema/figures.js';
import { openFindings, type VerificationResult, verifyRepositoryInputSchema } from '../src/schema/verification.js';
import { begin } from './begin.js';
import { parseInput } from './input.js';
import { messageOfFailure, tell } from './notify.js';
import { rootFailure, RunProgress } from './progress.js';
import { runName } from './run-id.js';
import { steps } from './steps.js';

/** Is everything in the repository as it was put there, and is no WAL missing? Red where something was found that nobody has accepted. */
export async function verifyRepository(rawInput: unknown): Promise<VerificationResult> {
  const { cluster } = parseInput(verifyRepositoryInputSchema, rawInput);
  const progress = new RunProgress('verification', cluster);
  let result: VerificationResult;
  try {
    await begin(progress);
    const startedAt = workflowInfo().startTime.toISOString();
    result = await progress.step(
      'verification',
      () => steps.verifyRepository({ cluster, id: runName(), startedAt }),
      ({ verified }) =>
        `${verified.backups} backups (${bytes(verified.backupBytes)}), ${verified.walSegments} WAL segments`,
    );
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (error instanceof Error)
      await tell(progress.channels, cluster, messageOfFailure('verification', cluster, error));
    throw ApplicationFailure.create({ ...rootFailure(error), nonRetryable: true });
  }
  progress.state.verdict = result.verdict;
  progress.show();
  if (result.verdict === 'passed') return result;
  const open = openFindings(result.findings);
  const failure = ApplicationFailure.create({
    type: 'RepositoryFindings',
    nonRetryable: true,
    message: open.map(({ id, what }) => `${id}: ${what}`).join('\n'),
    details: [{ exitCode: 1, result }],
  });
  await tell(progress.channels, cluster, messageOfFailure('verification', cluster, failure));
  throw failure;
}
