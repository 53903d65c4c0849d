import type { WorkflowClient } from '@temporalio/client';

import { nearest } from '../schema/closest.js';
import { UsageError } from '../errors.js';
import { ourRuns } from './run-kinds.js';

/** So many runs, the newest, are looked through for an id that was mistyped. */
const most = 500;

/** The error for an id that no run has, with those that were perhaps meant. */
export async function unknownRun(
  client: WorkflowClient,
  id: string,
  means: string,
  cause: unknown,
): Promise<UsageError> {
  const meant = nearest(id, await newestIds(client).catch(() => []));
  return new UsageError(
    {
      what: `There is no workflow ${id}.${meant.length === 0 ? '' : ` Did you mean ${meant.join(', or ')}?`}`,
      means,
      todo: 'List the ids with: pgdrill status',
    },
    { cause },
  );
}

async function newestIds(client: WorkflowClient): Promise<string[]> {
  const ids = new Set<string>();
  for await (const { workflowId } of client.list({ query: ourRuns })) {
    ids.add(workflowId);
    if (ids.size === most) break;
  }
  return [...ids];
}
