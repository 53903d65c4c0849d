import type { ActivityInterceptorsFactory } from '@temporalio/worker';

import type { StepCounters, StepOutcome } from '../src/metrics/step-counters.js';

/** Counts what the attempts at steps come to, for Prometheus. */
export function countSteps(counters: StepCounters): ActivityInterceptorsFactory {
  return (context) => ({
    inbound: {
      execute: async (input, next) => {
        const startedAt = performance.now();
        const count = (outcome: StepOutcome): void => {
          const { activityType, attempt } = context.info;
          counters.ended(activityType, attempt, outcome, (performance.now() - startedAt) / 1_000);
        };
        try {
          const result = await next(input);
          count('done');
          return result;
        } catch (error) {
          count(context.cancellationSignal.aborted ? 'cancelled' : 'failed');
          throw error;
        }
      },
    },
  });
}
