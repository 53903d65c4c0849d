import {
  type Attributes,
  type Context,
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

import { messageOf } from '../errors.js';
import { version } from '../version.js';
import { idsOfRun, SpanIdGenerator } from './span-ids.js';

/** A run as its root span shows it. Times in milliseconds since 1970. */
export interface EndedRun {
  runId: string;
  name: string;
  startedAtMs: number;
  endedAtMs: number;
  attributes: Attributes;
  /** Why it did not end well. */
  failure?: string;
  /** Waiting for humans, a span each. */
  waits: { name: string; startedAtMs: number; endedAtMs: number; attributes: Attributes }[];
}

/** Traces of runs, sent by OTLP over HTTP (JSON) to where OpenTelemetry's own environment variables say: a tree a run, a span an attempt at a step. */
export class RunTraces {
  private readonly ids = new SpanIdGenerator();
  private readonly provider: BasicTracerProvider;
  private readonly tracer: Tracer;

  /** @param tell is given what cannot be sent, for the log. */
  constructor(private readonly tell: (problem: string) => void) {
    const say = (message: string): void => tell(message.split('\n')[0] ?? '');
    const ignore = (): void => undefined;
    diag.setLogger(
      { error: say, warn: say, info: ignore, debug: ignore, verbose: ignore },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    );
    this.provider = new BasicTracerProvider({
      idGenerator: this.ids,
      resource: defaultResource()
        .merge(resourceFromAttributes({ 'service.name': 'pgdrill-worker', 'service.version': version }))
        .merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
    });
    this.tracer = this.provider.getTracer('pgdrill', version);
  }

  /** Begins the span of one attempt at a step of a run; end it. */
  step(runId: string, name: string, attributes: Attributes): Span {
    return this.tracer.startSpan(name, { attributes }, contextOf(runId));
  }

  /** Sends the root of a run's tree. The same run told twice (two workers had steps of it) is the same span twice. */
  ended({ runId, name, startedAtMs, endedAtMs, attributes, failure, waits }: EndedRun): void {
    for (const wait of waits) {
      this.tracer
        .startSpan(wait.name, { attributes: wait.attributes, startTime: wait.startedAtMs }, contextOf(runId))
        .end(wait.endedAtMs);
    }
    const root = this.ids.using(idsOfRun(runId), () =>
      this.tracer.startSpan(name, { attributes, startTime: startedAtMs, root: true }, ROOT_CONTEXT),
    );
    if (failure !== undefined) root.setStatus({ code: SpanStatusCode.ERROR, message: failure });
    root.end(endedAtMs);
  }

  /** Sends what is left, or says that it could not; a receiver that is down is tried again for some seconds. */
  async close(): Promise<void> {
    await this.provider.shutdown().catch((error: unknown) => this.tell(`the last ones are lost: ${messageOf(error)}`));
  }
}

function contextOf(runId: string): Context {
  return trace.setSpanContext(ROOT_CONTEXT, { ...idsOfRun(runId), traceFlags: TraceFlags.SAMPLED, isRemote: true });
}
