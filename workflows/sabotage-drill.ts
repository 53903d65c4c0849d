import { ApplicationFailure, CancellationScope, isCancellation, workflowInfo } from '@temporalio/workflow';

import type { SabotageRun } from '../activities/record-sabotage.js';
import { bytes } from '../src/schema/figures.js';
import { type SabotageResult, sabotageDrillInputSchema } from '../src/schema/sabotage.js';
import { begin } from './begin.js';
import { parseInput } from './input.js';
import { messageOfFailure, tell } from './notify.js';
import { asCancellation, rootFailure, RunProgress } from './progress.js';
import { runName } from './run-id.js';
import { steps } from './steps.js';
import { tryCopy } from './try-copy.js';

/** Does the drill see damage? Copies what a restore needs, breaks the copy in one way, drills it, and must see red. */
export async function sabotageDrill(rawInput: unknown): Promise<SabotageResult> {
  const input = parseInput(sabotageDrillInputSchema, rawInput);
  const { cluster } = input;
  const progress = new RunProgress('sabotage drill', cluster);
  await begin(progress);
  const { workflowId, runId, startTime } = workflowInfo();
  const startedAt = startTime.toISOString();
  const run: SabotageRun = {
    id: runName(),
    cluster,
    input,
    workflowId,
    runId,
    startedAt,
    seed: 0,
    trials: [],
    leftOut: [],
  };

  let failure: Error | undefined;
  try {
    await progress.step('archive check', () => steps.checkArchive({ cluster }));
    const capture = (run.capture = await progress.step(
      'LSN capture',
      () => steps.captureLsn({ cluster, drillId: run.id }),
      ({ fence, fingerprint }) => `fence at ${fence.lsn}; ${fingerprint.tables} tables, ${fingerprint.rows} rows`,
    ));
    const plan = (run.plan = await progress.step(
      'plan',
      () => steps.planRestore({ cluster, target: 'fence', fence: capture.fence }),
      ({ chain, wal }) => `${chain.map(({ id }) => id).join(' + ')}, ${bytes(wal.bytes)} of WAL`,
    ));
    const turn = await steps.chooseSabotage(input);
    run.seed = turn.seed;
    const request = { cluster, runId: run.id, seed: turn.seed, capture, plan };
    // What is not broken has to pass: else red proves nothing.
    const control = await tryCopy(request, undefined, progress);
    if ('trial' in control) run.control = control.trial;
    if (run.control?.verdict === 'passed') {
      for (const kind of turn.kinds) {
        const tried = await tryCopy(request, kind, progress);
        if ('impossible' in tried) run.leftOut.push({ kind, reason: tried.impossible });
        else run.trials.push(tried.trial);
        if (input.kind === undefined && 'trial' in tried) break; // the next is another day's
      }
    }
  } catch (error) {
    failure = asCancellation(error instanceof Error ? error : new Error(String(error)));
    run.failure = isCancellation(failure)
      ? 'The sabotage drill was cancelled.'
      : rootFailure(failure).message.split('\n')[0];
  }

  const result = await CancellationScope.nonCancellable(() =>
    progress.step(
      'recording',
      () => steps.recordSabotage(run),
      ({ reasons }) => reasons[0] ?? '',
    ),
  );
  progress.state.verdict = result.verdict;
  progress.show();
  try {
    return conclude(failure, result);
  } catch (error) {
    if (error instanceof ApplicationFailure)
      await tell(progress.channels, cluster, messageOfFailure('sabotage drill', cluster, error));
    throw error;
  }
}

/** A damage that went unseen is a failed workflow, and so is a step that failed for good; red where red was due completes. */
function conclude(failure: Error | undefined, result: SabotageResult): SabotageResult {
  if (failure !== undefined && isCancellation(failure)) throw failure;
  if (result.verdict === 'failed') {
    throw ApplicationFailure.create({
      type: 'SabotageUnseen',
      nonRetryable: true,
      message: result.reasons.join(' '),
      details: [{ exitCode: 1, result }],
    });
  }
  if (failure === undefined) return result;
  const { type, message, details } = rootFailure(failure);
  const [first] = details;
  const known = typeof first === 'object' && first !== null ? first : {};
  throw ApplicationFailure.create({ type, nonRetryable: true, message, details: [{ ...known, result }] });
}
