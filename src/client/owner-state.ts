import { type Client, WorkflowNotFoundError } from '@temporalio/client';

import { messageOf, UnreachableError } from '../errors.js';
import type { OwnerState } from '../janitor/decide.js';
import type { Owner } from '../registry/entry.js';

const timeoutMs = 10_000;

/**
 * Asks Temporal how a run stands. A run counts as running, too, while another of the same workflow id does: a reset begins a new run that
 * goes on with what the old one made.
 *
 * @throws UnreachableError when there is no answer, whatever the reason: only "there is none" is an answer.
 */
export function ownerStates(client: Client): (owner: Owner) => Promise<OwnerState> {
  return async ({ workflowId, runId }) => {
    try {
      return await client.withDeadline(Date.now() + timeoutMs, async () => {
        const newest = await describeRun(client, workflowId);
        if (newest === undefined || newest.state === 'running') return newest ?? { state: 'unknown' };
        return (await describeRun(client, workflowId, runId)) ?? { state: 'unknown' };
      });
    } catch (error) {
      throw new UnreachableError(
        {
          what: `Temporal does not say how ${workflowId} stands: ${messageOf(error)}`,
          means: 'Without that, nothing is removed: it could be in use.',
          todo: 'Nothing, if Temporal comes back: the janitor runs again.',
        },
        { cause: error },
      );
    }
  };
}

async function describeRun(client: Client, workflowId: string, runId?: string): Promise<OwnerState | undefined> {
  try {
    const { closeTime } = await client.workflow.getHandle(workflowId, runId).describe();
    return closeTime === undefined ? { state: 'running' } : { state: 'closed', closedAt: closeTime.toISOString() };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
