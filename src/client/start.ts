import { WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';

import { UsageError } from '../errors.js';
import type { ExtractInput } from '../schema/extraction.js';
import type { RetentionInput } from '../schema/retention.js';
import type { SabotageDrillInput } from '../schema/sabotage.js';
import type { StreamInput } from '../schema/stream.js';
import type { VerifyRepositoryInput } from '../schema/verification.js';
import type { BackupInput, ConsolidateInput, DrillInput, RecoverInput } from '../schema/workflow-inputs.js';
import type { Temporal } from './temporal.js';

/** The workflows by the names they have in Temporal, and what each is started with. */
export interface WorkflowInputs {
  applyRetention: RetentionInput;
  backup: BackupInput;
  consolidate: ConsolidateInput;
  drill: DrillInput;
  recover: RecoverInput;
  extract: ExtractInput;
  sabotageDrill: SabotageDrillInput;
  verifyRepository: VerifyRepositoryInput;
  streamWal: StreamInput;
}

/**
 * Starts a workflow.
 *
 * @param options.id its workflow id; by default `<kind>-<cluster>-<UTC time to the minute>`, so that it can be said aloud.
 * @throws UsageError when one with that id runs already.
 */
export async function startWorkflow<Kind extends keyof WorkflowInputs>(
  { client }: Temporal,
  kind: Kind,
  input: WorkflowInputs[Kind],
  options: { taskQueue: string; id?: string | undefined },
): Promise<WorkflowHandle> {
  const { id, taskQueue } = options;
  const now = new Date();
  const start = (workflowId: string, reuse: 'ALLOW_DUPLICATE' | 'REJECT_DUPLICATE'): Promise<WorkflowHandle> =>
    client.workflow.start(kind, {
      workflowId,
      workflowIdReusePolicy: reuse,
      taskQueue,
      args: [input],
      staticSummary: `${kind} of ${input.cluster}`,
      // A recovery goes before drills and backups that wait for a worker (workflows/steps.ts).
      ...(kind === 'recover' || kind === 'extract' ? { priority: { priorityKey: 1 } } : {}),
    });
  const workflowId = id ?? speakableId(kind, input.cluster, now, 'second');
  try {
    if (id !== undefined) return await start(id, 'ALLOW_DUPLICATE');
    return await start(speakableId(kind, input.cluster, now, 'minute'), 'REJECT_DUPLICATE').catch((error: unknown) => {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      return start(workflowId, 'REJECT_DUPLICATE'); // the second one of this minute
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new UsageError(
      {
        what: `A workflow with the id ${workflowId} runs already.`,
        means: 'Nothing was started.',
        todo: `Look at it (pgdrill status ${workflowId}), or choose another id.`,
      },
      { cause: error },
    );
  }
}

function speakableId(kind: string, cluster: string, now: Date, precision: 'minute' | 'second'): string {
  const name = kind.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const time = now.toISOString().slice(0, precision === 'minute' ? 16 : 19);
  return `${name}-${cluster}-${time.replace('T', '-').replaceAll(':', '')}`;
}
