import { type Collector, gaugesIn } from './gauges.js';

/** A run that goes on now, with the gate that it waits at. */
export interface RunningRun {
  kind: string;
  cluster: string;
  waiting?: { gate: string; since: string };
}

/**
 * What runs, and what waits for a human.
 *
 * @param list asks Temporal. Where it throws, `pgdrill_temporal_reachable` is 0, and there are no figures.
 */
export function collectRuns(list: () => Promise<RunningRun[]>): Collector {
  return async (registry) => {
    const gauge = gaugesIn(registry);
    const reachable = gauge('temporal_reachable', 'Whether Temporal answered at this scrape: 1 or 0.', []);
    const running = gauge('runs', 'Runs that go on now.', ['cluster', 'kind']);
    const waiting = gauge('gates_waiting', 'Runs that wait for a human.', ['cluster', 'gate']);
    const since = gauge('gate_waiting_since_timestamp_seconds', 'Since when the longest of them waits.', [
      'cluster',
      'gate',
    ]);
    const runs = await list().catch(() => undefined);
    reachable.set(runs === undefined ? 0 : 1);
    const oldest = new Map<string, number>();
    for (const { kind, cluster, waiting: at } of runs ?? []) {
      running.inc({ cluster, kind });
      if (at === undefined) continue;
      const { gate } = at;
      waiting.inc({ cluster, gate });
      const key = `${cluster} ${gate}`;
      oldest.set(key, Math.min(oldest.get(key) ?? Infinity, Date.parse(at.since) / 1_000));
      since.set({ cluster, gate }, oldest.get(key) ?? 0);
    }
  };
}
