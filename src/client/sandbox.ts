import { WorkflowNotFoundError } from '@temporalio/client';

import { UsageError } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import type { WorkflowProgress } from '../schema/progress.js';
import type { AnswerableGate } from '../schema/workflow-inputs.js';
import type { Temporal } from './temporal.js';

const lookable: ReadonlySet<string> = new Set<AnswerableGate>(['promote', 'cutover']);

/**
 * How to look into the restored server of a run that waits at gate `promote`, paused at its target, or at gate `cutover`, where it takes
 * writes already.
 *
 * @throws UsageError where there is no such run, or nothing to look into now.
 */
export async function pausedSandbox({ client }: Pick<Temporal, 'client'>, workflowId: string): Promise<Conninfo> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    const { status } = await handle.describe();
    const { waiting, sandbox } = await handle.query<WorkflowProgress>('progress');
    if (status.name !== 'RUNNING' || !lookable.has(waiting?.gate ?? '') || sandbox === undefined) {
      throw new UsageError({
        what: `${workflowId} has no restored server that waits${status.name === 'RUNNING' ? ' now' : `: it has ended (${status.name.toLowerCase()})`}.`,
        means: 'A look into it is free of harm only while it waits at gate promote or cutover.',
        todo: `Start one that waits there (pgdrill drill CLUSTER --gate promote), or see what this one does: pgdrill status ${workflowId}`,
      });
    }
    const { socketDirectory, port, superuser } = sandbox;
    return {
      ...{ host: socketDirectory, port: String(port), user: superuser, dbname: 'postgres' },
      // At gate promote it is in recovery, so nothing else is possible; at cutover, and for whoever stays when it is promoted, nothing is written by mistake.
      options: '-c default_transaction_read_only=on',
    };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw new UsageError(
      {
        what: `There is no workflow ${workflowId}.`,
        means: 'There is nothing to look into.',
        todo: 'List the ids with: pgdrill status',
      },
      { cause: error },
    );
  }
}
