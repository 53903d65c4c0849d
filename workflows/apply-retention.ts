import { ApplicationFailure, isCancellation } from '@temporalio/workflow';

import { bytes } from '../src/schema/figures.js';
import { type RetentionResult, retentionInputSchema, type RetentionSummary } from '../src/schema/retention.js';
import { begin } from './begin.js';
import { parseInput } from './input.js';
import { messageOfFailure, tell } from './notify.js';
import { rootFailure, RunProgress } from './progress.js';
import { steps } from './steps.js';

/** Retention: plan, mark what may go, delete what was marked longer ago than the grace. */
export async function applyRetention(rawInput: unknown): Promise<RetentionResult> {
  const input = parseInput(retentionInputSchema, rawInput);
  const { cluster } = input;
  const progress = new RunProgress('retention', cluster);
  try {
    await begin(progress);
    await progress.step('plan', () => steps.planRetention(input), describePlan);
    await progress.step(
      'mark',
      () => steps.markExpired(input),
      ({ marked, wal }) => `${list(marked)}; ${wal.mark.files} files of WAL, ${bytes(wal.mark.bytes)}`,
    );
    const result = await progress.step('delete', () => steps.deleteExpired(input), describeResult);
    const { warnings } = await steps.recordRetention({ cluster, result });
    return { ...result, warnings: [...result.warnings, ...warnings] };
  } catch (error) {
    if (isCancellation(error)) throw error;
    const failure = rootFailure(error);
    await steps.recordRetention({ cluster, failure: failure.message }).catch(() => undefined); // retention's own failure counts
    if (error instanceof Error) await tell(progress.channels, cluster, messageOfFailure('retention', cluster, error));
    throw ApplicationFailure.create({ ...failure, nonRetryable: true });
  }
}

function describePlan({ backups, more, wal }: RetentionSummary): string {
  const going = backups.filter(({ fate }) => fate !== 'keep');
  return `${backups.length - going.length + more} backups stay, ${going.length} may go; ${wal.keep.files} files of WAL stay, ${wal.mark.files + wal.marked.files + wal.delete.files} may go`;
}

function describeResult({ deleted, walDeleted, freedBytes }: RetentionResult): string {
  return `${list(deleted.map(({ id }) => id))}; ${walDeleted.files} files of WAL; ${bytes(freedBytes)} freed`;
}

function list(ids: readonly string[]): string {
  if (ids.length === 0) return 'no backup';
  return ids.length > 5 ? `${ids.length} backups` : ids.join(', ');
}
