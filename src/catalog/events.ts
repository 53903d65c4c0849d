import { lsnDistanceBytes } from '../postgres/lsn.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Evidence } from '../schema/evidence.js';
import type { SabotageEvidence } from '../schema/sabotage.js';
import { openFindings, type Verification } from '../schema/verification.js';
import type { BackupFailure } from './record-backup.js';
import type { MonitoringEvent } from './record-event.js';

// What happened, as events: from the files that it left in the repository alone, so that a rebuilt catalog tells the same as a live one.

/** A finished backup, with its duration and size. */
export function eventOfBackup(record: BackupRecord): MonitoringEvent {
  const because = record.fallbackReason === undefined ? '' : `, because ${record.fallbackReason}`;
  return {
    cluster: record.cluster,
    at: record.finishedAt,
    severity: record.fallbackReason === undefined ? 'info' : 'warning',
    kind: 'backup_completed',
    message: `${record.type} backup ${record.id}${because}`,
    figures: {
      durationSeconds: record.durationMs / 1_000,
      sizeBytes: record.sizeBytes,
      // What the source wrote while the backup ran: a restore needs at least this much WAL.
      walBytes: lsnDistanceBytes(record.startLsn, record.endLsn),
    },
    operation: record.operation,
  };
}

export function eventOfFailedBackup({ cluster, finishedAt, reason, operation }: BackupFailure): MonitoringEvent {
  return { cluster, at: finishedAt, severity: 'critical', kind: 'backup_failed', message: reason, operation };
}

/** A drill's or a recovery's end: what a person is to be told of it. */
export function eventOfRun(evidence: Evidence): MonitoringEvent {
  const { verdict, clock, rpo } = evidence;
  const severity =
    verdict === 'passed' || evidence.kind !== 'drill' ? 'info' : verdict === 'failed' ? 'critical' : 'warning';
  return {
    cluster: evidence.cluster,
    at: evidence.finishedAt,
    severity,
    kind: evidence.kind === 'drill' ? `drill_${verdict}` : `${evidence.kind}_ended`,
    message: evidence.reasons.join(' '),
    figures: {
      rtoSeconds: clock.rtoSeconds ?? null,
      rpoSeconds: rpo?.seconds ?? null,
      walReplayedBytes: evidence.replay?.replayedBytes ?? null,
    },
    operation: endOf(evidence),
  };
}

/** Named apart from the events of drills. A damage that nobody saw is the worst that pgdrill can say of itself. */
const sabotageAlarms = {
  passed: { severity: 'info', kind: 'sabotage_seen' },
  failed: { severity: 'critical', kind: 'sabotage_unseen' },
  unproven: { severity: 'warning', kind: 'sabotage_unproven' },
} as const;

export function eventOfSabotage(evidence: SabotageEvidence): MonitoringEvent {
  const { cluster, finishedAt, verdict, reasons, trials, leftOut, seed } = evidence;
  return {
    cluster,
    at: finishedAt,
    ...sabotageAlarms[verdict],
    message: reasons.join(' '),
    figures: { trials: trials.length, leftOut: leftOut.length, seed },
    operation: endOf(evidence),
  };
}

/** How many findings an event names. */
const named = 5;

export function eventOfVerification({ id, cluster, finishedAt, findings, verified }: Verification): MonitoringEvent {
  const open = openFindings(findings);
  const acknowledged = findings.filter((finding) => finding.acknowledged !== undefined).length;
  const more = open.length > named ? ` And ${open.length - named} more.` : '';
  const told = open.slice(0, named).map(({ what }) => what);
  return {
    cluster,
    at: finishedAt,
    severity: open.some(({ level }) => level === 'error') ? 'critical' : open.length > 0 ? 'warning' : 'info',
    kind: open.length === 0 ? 'repository_verified' : 'repository_findings',
    message:
      open.length === 0
        ? `The repository was verified: ${verified.backups} backups, ${verified.walSegments} WAL segments.`
        : `${told.join(' ')}${more}`,
    figures: { open: open.length, acknowledged, backupBytes: verified.backupBytes, walSegments: verified.walSegments },
    operation: `verify/${id}`,
  };
}

/** Not the activity's operation: its number is in Temporal's history only, and a rebuilt catalog has to find the same row. */
function endOf({ workflowId, runId }: { workflowId: string; runId: string }): string {
  return `${workflowId}/${runId}/ended`;
}
