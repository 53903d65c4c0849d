import type { Dependencies } from './dependencies.js';
import { intoCatalog } from './into-catalog.js';
import { type Step, step } from './step.js';

/** A clean-up that failed: an event of its own, since what is left over takes room and perhaps runs. */
export const createRecordAlarm = (
  dependencies: Dependencies,
): Step<{ cluster: string; message: string }, { warnings: string[] }> =>
  step(async ({ cluster, message }: { cluster: string; message: string }, context) => ({
    warnings: await intoCatalog(dependencies, context.signal, {
      events: [
        {
          cluster,
          at: new Date().toISOString(),
          severity: 'critical',
          kind: 'clean_up_failed',
          message: `The clean-up of ${context.workflowId} failed: ${message} The janitor tries again; at once: pgdrill janitor`,
          operation: context.operation,
        },
      ],
    }),
  }));
