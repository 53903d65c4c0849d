import type { Info } from '@temporalio/activity';
import { type Client, WorkflowContinuedAsNewError } from '@temporalio/client';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { SpanStatusCode } from '@opentelemetry/api';
import { z } from 'zod';

import { readEnding } from '../src/client/failures.js';
import { messageOf } from '../src/errors.js';
import { approvalSchema } from '../src/schema/results.js';
import { clusterAttribute, resultAttributes } from '../src/tracing/result-attributes.js';
import type { RunTraces } from '../src/tracing/run-traces.js';

type Execution = NonNullable<Info['workflowExecution']>;

const approvalsSchema = z.object({ approvals: z.array(approvalSchema) });

/**
 * A span for every attempt at a step that this worker makes, and the root span of every run that it had a step of. Workflows know nothing of
 * it, so that their histories are the same with and without: the root is made when the run has ended, of what Temporal says then.
 */
export function traceRuns(traces: RunTraces, client: Client): ActivityInterceptorsFactory {
  const followed = new Set<string>();
  const follow = (execution: Execution, input: unknown): void => {
    if (followed.has(execution.runId)) return;
    followed.add(execution.runId);
    // A worker that ends before the run does leaves the root to the one that makes the next step.
    tellOfEnd(traces, client, execution, input)
      .catch(() => undefined)
      .finally(() => followed.delete(execution.runId));
  };
  return ({ info, cancellationSignal }) => ({
    inbound: {
      execute: async (input, next) => {
        const execution = info.workflowExecution;
        if (execution === undefined) return await next(input);
        follow(execution, input.args[0]);
        const span = traces.step(execution.runId, info.activityType, {
          ...clusterAttribute(input.args[0]),
          'pgdrill.attempt': info.attempt,
          temporalWorkflowID: execution.workflowId,
          temporalRunID: execution.runId,
          temporalActivityID: info.activityId,
        });
        try {
          const result = await next(input);
          span.setAttributes(resultAttributes(result));
          return result;
        } catch (error) {
          const message = cancellationSignal.aborted ? 'cancelled' : firstLine(messageOf(error));
          span.setStatus({ code: SpanStatusCode.ERROR, message });
          throw error;
        } finally {
          span.end();
        }
      },
    },
  });
}

async function tellOfEnd(
  traces: RunTraces,
  client: Client,
  { workflowId, runId }: Execution,
  input: unknown,
): Promise<void> {
  const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false });
  const end = await handle.result().then(
    (result: unknown) => ({ result, failure: undefined }),
    (error: unknown) => {
      // A stream begins anew twice a day: that is how it goes on, and no failure.
      if (error instanceof WorkflowContinuedAsNewError) return { result: undefined, failure: undefined };
      const { result, message } = readEnding(error);
      return { result, failure: message };
    },
  );
  const { type, startTime, closeTime, status } = await handle.describe();
  if (closeTime === undefined) return; // it was not the run that ended, but our connection
  const approvals = approvalsSchema.safeParse(end.result).data?.approvals ?? [];
  traces.ended({
    runId,
    name: type,
    startedAtMs: startTime.getTime(),
    endedAtMs: closeTime.getTime(),
    attributes: {
      ...clusterAttribute(input),
      ...resultAttributes(end.result),
      'pgdrill.status': status.name.toLowerCase(),
      temporalWorkflowID: workflowId,
      temporalRunID: runId,
    },
    ...(end.failure === undefined ? {} : { failure: firstLine(end.failure) }),
    waits: approvals.map(({ gate, decision, openedAt, decidedAt }) => ({
      name: `gate ${gate}`,
      startedAtMs: Date.parse(openedAt),
      endedAtMs: Date.parse(decidedAt),
      attributes: { 'pgdrill.decision': decision },
    })),
  });
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';
