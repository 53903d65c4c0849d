import type { Connection } from '../../src/postgres/connection.js';

/** One drill or recovery of the history. Times are ISO 8601 in UTC; absent figures were not measured. */
interface RecoveryRow {
  cluster: string;
  kind: 'drill' | 'recovery' | 'extraction';
  recoveryType: string;
  target: string;
  targetTime: string | null;
  targetLsn: string | null;
  startTime: string;
  endTime: string;
  durationSeconds: number;
  status: 'completed' | 'failed' | 'rejected';
  verdict: 'passed' | 'failed' | 'unproven';
  rtoSeconds: number | null;
  rtoToProvenSeconds: number | null;
  rpoSeconds: number | null;
  rpoBytes: number | null;
  rpoTransactions: number | null;
  evidencePath: string | null;
  workflowId: string;
  runId: string;
}

// `pg` hands numeric and bigint over as text; double precision holds every figure here exactly enough (integers up to 2^53).
const instant = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** Drills and recoveries, newest first. */
export async function listRecoveries(
  client: Connection,
  options: { cluster?: string; limit?: number } = {},
): Promise<RecoveryRow[]> {
  const { rows } = await client.query<RecoveryRow>(
    `select
       cluster,
       kind,
       recovery_type as "recoveryType",
       target,
       ${instant('target_time')} as "targetTime",
       target_lsn::text as "targetLsn",
       ${instant('start_time')} as "startTime",
       ${instant('end_time')} as "endTime",
       duration_seconds::float8 as "durationSeconds",
       status,
       verdict,
       rto_seconds::float8 as "rtoSeconds",
       rto_to_proven_seconds::float8 as "rtoToProvenSeconds",
       rpo_seconds::float8 as "rpoSeconds",
       rpo_bytes::float8 as "rpoBytes",
       rpo_transactions::float8 as "rpoTransactions",
       evidence_path as "evidencePath",
       workflow_id as "workflowId",
       run_id as "runId"
     from pgdrill.recovery_history
     where $1::text is null or cluster = $1
     order by start_time desc, id desc
     limit $2`,
    [options.cluster ?? null, options.limit ?? 100],
  );
  return rows;
}

/** Seconds over the restores that finished; null where none was measured. */
interface Spread {
  avg: number | null;
  min: number | null;
  max: number | null;
  p95: number | null;
}

/** What a cluster's restores to one kind of target took and lost. */
interface RtoRpoRow {
  cluster: string;
  recoveryType: string;
  recoveryCount: number;
  passedCount: number;
  rtoSeconds: Spread;
  rpoSeconds: Spread;
  lastEndTime: string;
}

/** The view `v_rto_rpo_monitoring`, for one cluster or for all. */
export async function rtoRpoMonitoring(client: Connection, cluster?: string): Promise<RtoRpoRow[]> {
  const spread = (name: string): string =>
    `json_build_object('avg', avg_${name}::float8, 'min', min_${name}, 'max', max_${name}, 'p95', p95_${name})`;
  const { rows } = await client.query<RtoRpoRow>(
    `select
       cluster,
       recovery_type as "recoveryType",
       recovery_count::float8 as "recoveryCount",
       passed_count::float8 as "passedCount",
       ${spread('rto_seconds')} as "rtoSeconds",
       ${spread('rpo_seconds')} as "rpoSeconds",
       ${instant('last_end_time')} as "lastEndTime"
     from pgdrill.v_rto_rpo_monitoring
     where $1::text is null or cluster = $1
     order by cluster, recovery_type`,
    [cluster ?? null],
  );
  return rows;
}
