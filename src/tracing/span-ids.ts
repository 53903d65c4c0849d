import { createHash } from 'node:crypto';

import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace-base';

export interface SpanIds {
  traceId: string;
  spanId: string;
}

/**
 * The ids of a run's root span, made of the run's own id (a UUID has as many bits as a trace id): every worker that has a step of the run
 * knows them, nothing has to be handed on through the workflow, and whoever has the run's id finds its trace.
 */
export function idsOfRun(runId: string): SpanIds {
  const hash = createHash('sha256').update(runId).digest('hex');
  const uuid = runId.replaceAll('-', '').toLowerCase();
  return { traceId: /^[0-9a-f]{32}$/.test(uuid) ? uuid : hash.slice(0, 32), spanId: hash.slice(-16) };
}

/** Random ids, but for the spans that are made within `using`. */
export class SpanIdGenerator implements IdGenerator {
  private readonly random = new RandomIdGenerator();
  private given: SpanIds | undefined;

  generateTraceId = (): string => this.given?.traceId ?? this.random.generateTraceId();
  generateSpanId = (): string => this.given?.spanId ?? this.random.generateSpanId();

  using<T>(ids: SpanIds, make: () => T): T {
    this.given = ids;
    try {
      return make();
    } finally {
      this.given = undefined;
    }
  }
}
