import type { Temporal } from './temporal.js';

/** Whether a worker polls a task queue (or has within the last minutes, which is all that Temporal remembers). */
export async function hasPollers({ client, namespace }: Temporal, taskQueue: string): Promise<boolean> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
  });
  return pollers.length > 0;
}
