import { Registry } from 'prom-client';

import type { Collector } from './gauges.js';

/**
 * The text that Prometheus scrapes. Instants are in seconds since 1970, so that an alert subtracts them from `time()` (Prometheus,
 * "Metric and label naming").
 */
export class Exposition {
  private running: Promise<string> | undefined;
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /**
   * @param collectors fill a new registry at each scrape, so that what is gone leaves no stale figure.
   * @param lasting counters of this process.
   */
  constructor(
    private readonly collectors: readonly Collector[],
    private readonly lasting: readonly Registry[] = [],
  ) {}

  /** Scrapes that come while one runs get its answer. */
  async text(): Promise<string> {
    this.running ??= this.render().finally(() => {
      this.running = undefined;
    });
    return await this.running;
  }

  private async render(): Promise<string> {
    const registry = new Registry();
    await Promise.all(this.collectors.map((collect) => collect(registry)));
    return await Registry.merge([registry, ...this.lasting]).metrics();
  }
}
