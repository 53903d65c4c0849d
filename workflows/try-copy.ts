import { CancellationScope, isCancellation } from '@temporalio/workflow';

import { bytes } from '../src/schema/figures.js';
import type { Capture, Plan, Sandbox } from '../src/schema/results.js';
import { controlKind, type SabotageTrial, type TrialOutcome } from '../src/schema/sabotage.js';
import { type SabotageKind, sabotageKinds } from '../src/schema/sabotage-kinds.js';
import { Gates } from './gates.js';
import { asCancellation, rootFailure, type RunProgress } from './progress.js';
import { activityNames } from './record.js';
import { restore } from './restore.js';
import { steps } from './steps.js';

export interface TrialRequest {
  cluster: string;
  /** Of the whole run; each copy has a sandbox of its own. */
  runId: string;
  seed: number;
  capture: Capture;
  plan: Plan;
}

/**
 * One trial: copy, break, restore, validate, clean up, judge.
 *
 * @param kind undefined for the copy that stays whole.
 * @returns its judgement, or why this kind is not possible here.
 */
export async function tryCopy(
  { cluster, runId, seed, capture, plan }: TrialRequest,
  kind: SabotageKind | undefined,
  progress: RunProgress,
): Promise<{ trial: SabotageTrial } | { impossible: string }> {
  const name = kind ?? controlKind;
  const sandboxId = `${runId}-${name}`;
  const stage = kind === undefined ? undefined : sabotageKinds[kind].stage;
  const outcome: TrialOutcome = { kind: name };
  const sabotage = async (which: SabotageKind, sandbox?: Sandbox): Promise<void> => {
    const { broke } = await progress.step(
      'sabotage',
      () => steps.sabotage({ cluster, kind: which, seed, plan, sandboxId, sandbox }),
      (each) => `${which}: ${each.broke}`,
    );
    outcome.broke = broke;
  };
  try {
    await progress.step(
      'copy',
      () => steps.copyRepository({ cluster, sandboxId, plan }),
      ({ files, linkedBytes, copiedBytes }) =>
        `for ${kind ?? 'a drill of what is whole'}: ${files} files, ${bytes(linkedBytes)} linked, ${bytes(copiedBytes)} copied`,
    );
    if (kind !== undefined && stage === 'repository copy') await sabotage(kind);
    const request = { cluster, target: 'fence', sandboxId, capture, fromCopy: true };
    const { prepared, opened } = await restore(request, progress, new Gates(progress, [], 0), {});
    outcome.mended = (opened.findings ?? []).map(({ message }) => message);
    const { sandbox } = prepared;
    if (kind !== undefined && stage === 'restored copy') await sabotage(kind, sandbox);
    outcome.validation = await progress.step(
      'validation',
      () => steps.validateRestore({ cluster, sandbox, capture }),
      ({ checks }) => checks.map(({ name: check, status }) => `${check} ${status}`).join(', '),
    );
  } catch (caught) {
    const error = asCancellation(caught instanceof Error ? caught : new Error(String(caught)));
    if (isCancellation(error)) throw error;
    const { type, message } = rootFailure(error);
    if (type === 'NothingToBreakError') return { impossible: message.split('\n')[0] ?? message };
    outcome.failure = { step: activityNames[progress.current] ?? progress.current, type, message };
  } finally {
    await CancellationScope.nonCancellable(() =>
      progress.step('clean-up', () => steps.cleanUp({ cluster, sandboxId })),
    );
  }
  const trial = await progress.step('judgement', () => steps.judgeTrial(outcome), describe);
  return { trial };
}

function describe({ kind, verdict, seenBy, reason }: SabotageTrial): string {
  const [first] = seenBy;
  if (kind === controlKind || first === undefined) return `${verdict}: ${reason}`;
  return `${kind} was seen by ${seenBy.map(({ by }) => by).join(', ')}: ${first.sentence}`;
}
