import { workflowInfo } from '@temporalio/workflow';

/** Names this run in directories: its workflow id, made safe for file systems, and enough of the run id to be unique. */
export function runName(): string {
  const { workflowId, runId } = workflowInfo();
  return `${workflowId.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 80)}-${runId.slice(0, 8)}`;
}
