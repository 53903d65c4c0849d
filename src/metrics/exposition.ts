import { Gauge, Registry } from 'prom-client';

import type { ResolvedCluster } from '../configuration/cluster.js';
import { type ClusterFigures, FiguresReader } from './cluster-figures.js';

type MeasuredCluster = Pick<ResolvedCluster, 'name' | 'repository' | 'walDirectory' | 'objectives'>;

/**
 * The metrics of all clusters, read from their repositories at each scrape: they are right after a restart and when Temporal or the
 * catalog is down. Instants are in seconds since 1970, so that an alert subtracts them from `time()` (Prometheus, "Metric and label naming").
 *
 * A cluster whose repository cannot be read has `pgdrill_repository_readable` 0 and no other figures: a stale one would look healthy.
 */
export class Exposition {
  private readonly reader = new FiguresReader();
  private running: Promise<string> | undefined;
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** @param clusters as they are configured now. */
  constructor(private readonly clusters: readonly MeasuredCluster[]) {}

  /** The text that Prometheus scrapes. Scrapes that come while one runs get its answer. */
  async text(): Promise<string> {
    this.running ??= this.render().finally(() => {
      this.running = undefined;
    });
    return await this.running;
  }

  private async render(): Promise<string> {
    const registry = new Registry();
    const gauges = createGauges(registry);
    for (const cluster of this.clusters) {
      const { name, objectives } = cluster;
      for (const objective of ['rto', 'rpo'] as const) {
        const value = objectives[`${objective}Seconds`];
        if (value !== undefined) gauges.objective.set({ cluster: name, objective }, value);
      }
      const figures = await this.reader.read(cluster).catch(() => undefined);
      gauges.readable.set({ cluster: name }, figures === undefined ? 0 : 1);
      if (figures !== undefined) fill(gauges, name, figures);
    }
    return await registry.metrics();
  }
}

type Gauges = ReturnType<typeof createGauges>;

function createGauges(registry: Registry) {
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> =>
    new Gauge({ name: `pgdrill_${name}`, help, labelNames, registers: [registry] });
  return {
    readable: gauge('repository_readable', 'Whether the repository could be read: 1 or 0.', ['cluster']),
    backups: gauge('backups', 'Backups in the repository.', ['cluster', 'type']),
    unsafe: gauge('backups_unsafe', 'Backups whose link to their parent cannot be trusted.', ['cluster']),
    backupAt: gauge('backup_last_completed_timestamp_seconds', 'When the newest backup was finished.', [
      'cluster',
      'type',
    ]),
    backupBytes: gauge('backup_last_size_bytes', 'Size of the newest backup.', ['cluster', 'type']),
    backupSeconds: gauge('backup_last_duration_seconds', 'How long the newest backup took.', ['cluster', 'type']),
    walAt: gauge('wal_last_arrival_timestamp_seconds', 'When the newest WAL segment arrived in the archive.', [
      'cluster',
    ]),
    drills: gauge('drills', 'Drills that left evidence in the repository.', ['cluster', 'verdict']),
    drillAt: gauge('drill_last_timestamp_seconds', 'When the newest drill of this verdict ended.', [
      'cluster',
      'verdict',
    ]),
    rto: gauge('drill_last_rto_seconds', 'RTO of the newest drill that measured one.', ['cluster']),
    rpo: gauge('drill_last_rpo_seconds', 'RPO of the newest drill that measured one.', ['cluster']),
    objective: gauge('objective_seconds', 'What the configuration demands.', ['cluster', 'objective']),
  };
}

function fill(gauges: Gauges, cluster: string, { backups, newestWalAtMs, drills }: ClusterFigures): void {
  gauges.unsafe.set({ cluster }, backups.filter(({ unsafe }) => unsafe).length);
  for (const type of ['full', 'incremental', 'differential']) {
    const ofType = backups.filter((backup) => backup.type === type);
    gauges.backups.set({ cluster, type }, ofType.length);
    // In the order of their ends: one made of a chain has that of its last link.
    const newest = ofType.sort((a, b) => a.finishedAtMs - b.finishedAtMs).at(-1);
    if (newest === undefined) continue;
    gauges.backupAt.set({ cluster, type }, newest.finishedAtMs / 1_000);
    gauges.backupBytes.set({ cluster, type }, newest.sizeBytes);
    gauges.backupSeconds.set({ cluster, type }, newest.durationSeconds);
  }
  if (newestWalAtMs !== undefined) gauges.walAt.set({ cluster }, newestWalAtMs / 1_000);
  for (const verdict of ['passed', 'failed', 'unproven'] as const) {
    const ofVerdict = drills.filter((drill) => drill.verdict === verdict);
    gauges.drills.set({ cluster, verdict }, ofVerdict.length);
    const newest = ofVerdict.at(-1);
    if (newest !== undefined) gauges.drillAt.set({ cluster, verdict }, newest.finishedAtMs / 1_000);
  }
  const rto = drills.findLast(({ rtoSeconds }) => rtoSeconds !== undefined)?.rtoSeconds;
  if (rto !== undefined) gauges.rto.set({ cluster }, rto);
  const rpo = drills.findLast(({ rpoSeconds }) => rpoSeconds !== undefined)?.rpoSeconds;
  if (rpo !== undefined) gauges.rpo.set({ cluster }, rpo);
}
