import type { Registry } from 'prom-client';

import type { ResolvedCluster } from '../configuration/cluster.js';
import { type ClusterFigures, type DrillFigures, FiguresReader } from './cluster-figures.js';
import { type Collector, gaugesIn } from './gauges.js';

export type MeasuredCluster = Pick<ResolvedCluster, 'name' | 'repository' | 'walDirectory' | 'wal' | 'objectives'>;

/**
 * What the repositories of all clusters tell, read at each scrape: right after a restart and when Temporal, the source or the catalog is
 * down. A cluster whose repository cannot be read has `pgdrill_repository_readable` 0 and no other figures of it: a stale one would look healthy.
 */
export function collectRepositories(clusters: readonly MeasuredCluster[]): Collector {
  const reader = new FiguresReader();
  return async (registry) => {
    const gauges = createGauges(registry);
    for (const cluster of clusters) {
      const { name, objectives } = cluster;
      for (const [objective, value] of [
        ['rto', objectives.rtoSeconds],
        ['rpo', objectives.rpoSeconds],
        ['proven_within', objectives.provenWithinSeconds],
      ] as const) {
        if (value !== undefined) gauges.objective.set({ cluster: name, objective }, value);
      }
      const figures = await reader.read(cluster).catch(() => undefined);
      gauges.readable.set({ cluster: name }, figures === undefined ? 0 : 1);
      if (figures === undefined) continue;
      fillBackups(gauges, name, figures);
      fillWal(gauges, name, figures);
      fillDrills(gauges, name, figures.drills);
    }
  };
}

type Gauges = ReturnType<typeof createGauges>;

function createGauges(registry: Registry) {
  const gauge = gaugesIn(registry);
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
    failures: gauge('backups_failed', 'Backups that failed for good and left a trace.', ['cluster', 'type']),
    failedAt: gauge('backup_last_failed_timestamp_seconds', 'When a backup failed for good last.', ['cluster', 'type']),
    walSegments: gauge('wal_segments', 'Segments in the WAL archive.', ['cluster']),
    walBytes: gauge('wal_size_bytes', 'Room that the WAL archive takes.', ['cluster']),
    walAt: gauge('wal_last_arrival_timestamp_seconds', 'When the newest WAL segment arrived in the archive.', [
      'cluster',
    ]),
    walEnd: gauge('wal_archived_position_bytes', 'Where the newest finished segment of the archive ends, in the WAL.', [
      'cluster',
    ]),
    gaps: gauge('wal_gaps', 'Gaps in the WAL archive that replay does not get past, unless acknowledged.', ['cluster']),
    verifiedAt: gauge('verification_last_timestamp_seconds', 'When the repository was verified last.', ['cluster']),
    verifiedFindings: gauge('verification_last_findings', 'What that found, without what was acknowledged.', [
      'cluster',
      'level',
    ]),
    drills: gauge('drills', 'Drills that left evidence in the repository.', ['cluster', 'verdict']),
    drillAt: gauge('drill_last_timestamp_seconds', 'When the newest drill of this verdict ended.', [
      'cluster',
      'verdict',
    ]),
    rto: gauge('drill_last_rto_seconds', 'RTO of the newest drill that measured one.', ['cluster']),
    rtoToProven: gauge('drill_last_rto_to_proven_seconds', 'The same with validation on top.', ['cluster']),
    phase: gauge('drill_last_phase_seconds', 'Phases of that drill.', ['cluster', 'phase']),
    rpo: gauge('drill_last_rpo_seconds', 'RPO of the newest drill that measured one.', ['cluster']),
    worstRpo: gauge(
      'drill_last_worst_rpo_seconds',
      'Worst RPO between that drill and the one before, by the archive’s arrival times; absent where it is not known.',
      ['cluster'],
    ),
    rpoBytes: gauge('drill_last_rpo_bytes', 'WAL that would have been lost then.', ['cluster']),
    rpoTransactions: gauge('drill_last_rpo_transactions', 'Transactions that would have been lost then.', ['cluster']),
    objective: gauge('objective_seconds', 'What the configuration demands.', ['cluster', 'objective']),
  };
}

function fillBackups(gauges: Gauges, cluster: string, { backups, failedBackups }: ClusterFigures): void {
  gauges.unsafe.set({ cluster }, backups.filter(({ unsafe }) => unsafe).length);
  for (const type of ['full', 'incremental', 'differential']) {
    const failed = failedBackups.filter((backup) => backup.type === type);
    gauges.failures.set({ cluster, type }, failed.length);
    if (failed.length > 0)
      gauges.failedAt.set({ cluster, type }, Math.max(...failed.map(({ finishedAtMs }) => finishedAtMs)) / 1_000);
    const ofType = backups.filter((backup) => backup.type === type);
    gauges.backups.set({ cluster, type }, ofType.length);
    // In the order of their ends: one made of a chain has that of its last link.
    const newest = ofType.sort((a, b) => a.finishedAtMs - b.finishedAtMs).at(-1);
    if (newest === undefined) continue;
    gauges.backupAt.set({ cluster, type }, newest.finishedAtMs / 1_000);
    gauges.backupBytes.set({ cluster, type }, newest.sizeBytes);
    gauges.backupSeconds.set({ cluster, type }, newest.durationSeconds);
  }
}

function fillWal(gauges: Gauges, cluster: string, { wal, verification }: ClusterFigures): void {
  if (wal !== undefined) {
    gauges.walSegments.set({ cluster }, wal.segments);
    gauges.walBytes.set({ cluster }, wal.sizeBytes);
    gauges.gaps.set({ cluster }, wal.gaps);
    if (wal.newestAtMs !== undefined) gauges.walAt.set({ cluster }, wal.newestAtMs / 1_000);
    if (wal.endBytes !== undefined) gauges.walEnd.set({ cluster }, wal.endBytes);
  }
  if (verification === undefined) return;
  gauges.verifiedAt.set({ cluster }, verification.finishedAtMs / 1_000);
  gauges.verifiedFindings.set({ cluster, level: 'error' }, verification.errors);
  gauges.verifiedFindings.set({ cluster, level: 'warning' }, verification.warnings);
}

function fillDrills(gauges: Gauges, cluster: string, drills: readonly DrillFigures[]): void {
  for (const verdict of ['passed', 'failed', 'unproven'] as const) {
    const ofVerdict = drills.filter((drill) => drill.verdict === verdict);
    gauges.drills.set({ cluster, verdict }, ofVerdict.length);
    const newest = ofVerdict.at(-1);
    if (newest !== undefined) gauges.drillAt.set({ cluster, verdict }, newest.finishedAtMs / 1_000);
  }
  const timed = drills.findLast(({ rtoSeconds }) => rtoSeconds !== undefined);
  if (timed?.rtoSeconds !== undefined) gauges.rto.set({ cluster }, timed.rtoSeconds);
  if (timed?.rtoToProvenSeconds !== undefined) gauges.rtoToProven.set({ cluster }, timed.rtoToProvenSeconds);
  for (const { name, seconds } of timed?.phases ?? []) gauges.phase.inc({ cluster, phase: name }, seconds);
  const rpo = drills.findLast((drill) => drill.rpo !== undefined)?.rpo;
  if (rpo === undefined) return;
  gauges.rpo.set({ cluster }, rpo.seconds);
  if (rpo.worst?.seconds !== undefined) gauges.worstRpo.set({ cluster }, rpo.worst.seconds);
  if (rpo.bytes !== undefined) gauges.rpoBytes.set({ cluster }, rpo.bytes);
  if (rpo.transactions !== undefined) gauges.rpoTransactions.set({ cluster }, rpo.transactions);
}
