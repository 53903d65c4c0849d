import { Counter, Registry } from 'prom-client';

export type StepOutcome = 'done' | 'failed' | 'cancelled';

/** What the steps of this worker process came to; counts from its start. */
export class StepCounters {
  readonly registry = new Registry();
  private readonly attempts = this.counter('step_attempts_total', 'Attempts at steps that ended in this worker.', [
    'step',
    'outcome',
  ]);
  private readonly retries = this.counter('step_retries_total', 'Attempts but the first at a step, in this worker.', [
    'step',
  ]);
  private readonly seconds = this.counter('step_seconds_total', 'Time that ended attempts took in this worker.', [
    'step',
  ]);

  /** @param attempt counts from 1. */
  ended(step: string, attempt: number, outcome: StepOutcome, seconds: number): void {
    this.attempts.inc({ step, outcome });
    this.retries.inc({ step }, attempt > 1 ? 1 : 0);
    this.seconds.inc({ step }, seconds);
  }

  private counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name: `pgdrill_${name}`, help, labelNames, registers: [this.registry] });
  }
}
