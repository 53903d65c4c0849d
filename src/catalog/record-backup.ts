import type { Connection } from '../postgres/connection.js';
import type { BackupRecord } from '../schema/backup-record.js';

/** Writes a finished backup into the history; one row per operation, however often it is retried. */
export async function recordBackup(
  client: Connection,
  record: BackupRecord,
  place: { path: string; workflowId: string },
): Promise<void> {
  await client.query(
    `insert into pgdrill.backup_history (
       cluster, backup_id, backup_type, parent_id, timeline, start_lsn, end_lsn, backup_path, backup_size_bytes,
       started_at, finished_at, duration_seconds, status, reason, workflow_id, operation
     )
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'completed', $13, $14, $15)
     on conflict (operation) do update set
       cluster = excluded.cluster,
       backup_id = excluded.backup_id,
       backup_type = excluded.backup_type,
       parent_id = excluded.parent_id,
       timeline = excluded.timeline,
       start_lsn = excluded.start_lsn,
       end_lsn = excluded.end_lsn,
       backup_path = excluded.backup_path,
       backup_size_bytes = excluded.backup_size_bytes,
       started_at = excluded.started_at,
       finished_at = excluded.finished_at,
       duration_seconds = excluded.duration_seconds,
       status = excluded.status,
       reason = excluded.reason,
       workflow_id = excluded.workflow_id`,
    [
      record.cluster,
      record.id,
      record.type,
      record.parent ?? null,
      record.timeline,
      record.startLsn,
      record.endLsn,
      place.path,
      Math.round(record.sizeBytes),
      record.startedAt,
      record.finishedAt,
      record.durationMs / 1_000,
      record.fallbackReason ?? null,
      place.workflowId,
      record.operation,
    ],
  );
}

export interface BackupFailure {
  cluster: string;
  type: BackupRecord['type'];
  /** ISO 8601 in UTC. */
  startedAt: string;
  finishedAt: string;
  /** What happened, for people. */
  reason: string;
  workflowId: string;
  operation: string;
}

/** Writes a backup that failed; one row per operation. A completed one is never overwritten. */
export async function recordFailedBackup(client: Connection, failure: BackupFailure): Promise<void> {
  await client.query(
    `insert into pgdrill.backup_history as history (
       cluster, backup_type, started_at, finished_at, duration_seconds, status, reason, workflow_id, operation
     )
     values ($1, $2, $3, $4, extract(epoch from $4::timestamptz - $3::timestamptz), 'failed', $5, $6, $7)
     on conflict (operation) do update set
       started_at = excluded.started_at,
       finished_at = excluded.finished_at,
       duration_seconds = excluded.duration_seconds,
       reason = excluded.reason
     where history.status = 'failed'`,
    [
      failure.cluster,
      failure.type,
      failure.startedAt,
      failure.finishedAt,
      failure.reason,
      failure.workflowId,
      failure.operation,
    ],
  );
}
