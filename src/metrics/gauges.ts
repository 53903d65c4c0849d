import { Gauge, type Registry } from 'prom-client';

/** What fills a registry at each scrape. It does not throw: what it cannot learn has a gauge that says so. */
export type Collector = (registry: Registry) => Promise<void>;

/** A maker of gauges for one scrape; their names begin with `pgdrill_`. */
export function gaugesIn(
  registry: Registry,
): <Label extends string>(name: string, help: string, labelNames: readonly Label[]) => Gauge<Label> {
  return (name, help, labelNames) => new Gauge({ name: `pgdrill_${name}`, help, labelNames, registers: [registry] });
}
