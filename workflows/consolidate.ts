import { ApplicationFailure, isCancellation } from '@temporalio/workflow';

import type { ConsolidationSummary } from '../activities/consolidate-chain.js';
import { bytes, seconds } from '../src/schema/figures.js';
import { consolidateInputSchema } from '../src/schema/workflow-inputs.js';
import { begin } from './begin.js';
import { parseInput } from './input.js';
import { messageOfFailure, tell } from './notify.js';
import { rootFailure, RunProgress } from './progress.js';
import { steps } from './steps.js';
import { whenFree } from './when-free.js';

/** Makes one full backup of a chain in the repository: neither the source nor the chain is touched. */
export async function consolidate(rawInput: unknown): Promise<ConsolidationSummary & { warnings: string[] }> {
  const { cluster, upTo, policy } = parseInput(consolidateInputSchema, rawInput);
  const progress = new RunProgress('consolidation', cluster);
  const what = { cluster, ...(upTo === undefined ? {} : { upTo }), ...(policy === undefined ? {} : { policy }) };
  try {
    await begin(progress);
    const made = await progress.step(
      'consolidation',
      () => whenFree(progress, () => steps.consolidateChain(what)),
      describe,
    );
    const { warnings } = await steps.recordBackup({ cluster, backupId: made.id });
    return { ...made, warnings };
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (error instanceof Error)
      await tell(progress.channels, cluster, messageOfFailure('consolidation', cluster, error));
    throw ApplicationFailure.create({ ...rootFailure(error), nonRetryable: true });
  }
}

function describe({ id, consolidatedFrom, sizeBytes, durationMs, mendedMaps }: ConsolidationSummary): string {
  if (consolidatedFrom.length === 0) return `nothing to do: the newest backup is a full already, ${id}`;
  const mended = mendedMaps === 0 ? '' : `; ${mendedMaps} visibility maps were wrong, and were mended`;
  return `${id} of ${consolidatedFrom.join(' + ')}: ${bytes(sizeBytes)}, ${seconds(durationMs / 1_000)}${mended}`;
}
