import { WorkflowNotFoundError } from '@temporalio/client';

import { UsageError } from '../errors.js';
import type { WorkflowProgress } from '../schema/progress.js';
import type { AnswerableGate } from '../schema/workflow-inputs.js';
import type { Temporal } from './temporal.js';

/**
 * Approves or rejects a gate of a running drill or recovery.
 *
 * @param gate by default the one that waits now.
 * @returns the gate that was decided.
 * @throws UsageError when there is no such workflow, it has ended, or no gate waits.
 */
export async function decide(
  { client }: Pick<Temporal, 'client'>,
  workflowId: string,
  decision: 'approve' | 'reject',
  by: { by: string; reason: string; gate?: AnswerableGate | undefined },
): Promise<AnswerableGate> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    const { status } = await handle.describe();
    if (status.name !== 'RUNNING') throw ended(workflowId, status.name);
    const progress = await handle.query<WorkflowProgress>('progress');
    const gate = by.gate ?? progress.waiting?.gate;
    if (gate === undefined) {
      throw new UsageError({
        what: `${workflowId} does not wait for anyone now.`,
        means: 'There is nothing to decide yet.',
        todo: `Watch it (pgdrill status ${workflowId}), or name the gate to decide beforehand with --gate.`,
      });
    }
    const earlier = progress.approvals.find((approval) => approval.gate === gate);
    if (earlier !== undefined && progress.waiting?.gate !== gate) {
      throw new UsageError({
        what: `Gate ${gate} of ${workflowId} was ${earlier.decision} by ${earlier.by} at ${earlier.decidedAt}.`,
        means: 'The first decision stands; this one changes nothing.',
        todo: `See what it does now: pgdrill status ${workflowId}`,
      });
    }
    await handle.signal(decision, { gate, by: by.by, reason: by.reason });
    return gate;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw new UsageError(
      {
        what: `There is no workflow ${workflowId}.`,
        means: 'Nothing was decided.',
        todo: 'List the ids with: pgdrill status',
      },
      { cause: error },
    );
  }
}

function ended(workflowId: string, status: string): UsageError {
  return new UsageError({
    what: `${workflowId} has ended (${status.toLowerCase()}).`,
    means: 'Its gates wait no longer.',
    todo: `See how it ended: pgdrill status ${workflowId}`,
  });
}
