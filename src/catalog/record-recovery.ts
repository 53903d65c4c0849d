import type { Connection } from '../postgres/connection.js';
import type { Evidence } from '../schema/evidence.js';
import { parseTarget } from '../schema/target.js';

/** Writes a drill or a recovery into the history; one row per workflow run, however often it is retried. */
export async function recordRecovery(
  client: Connection,
  evidence: Evidence,
  place: { evidencePath?: string } = {},
): Promise<void> {
  const target = targetOf(evidence);
  await client.query(
    `insert into pgdrill.recovery_history (
       cluster, kind, recovery_type, target, target_time, target_lsn, start_time, end_time, duration_seconds, status, verdict,
       rto_seconds, rto_to_proven_seconds, rpo_seconds, rpo_bytes, rpo_transactions, evidence_path, workflow_id, run_id,
       restored_bytes, replayed_bytes, waited_for_humans_seconds, scenario, worst_rpo_seconds, compared_lsn, evidence_sha256
     )
     values (
       $1, $2, $3, $4, $5, $6, $7, $8, extract(epoch from $8::timestamptz - $7::timestamptz), $9, $10,
       $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25
     )
     on conflict (workflow_id, run_id) do update set
       cluster = excluded.cluster,
       kind = excluded.kind,
       recovery_type = excluded.recovery_type,
       target = excluded.target,
       target_time = excluded.target_time,
       target_lsn = excluded.target_lsn,
       start_time = excluded.start_time,
       end_time = excluded.end_time,
       duration_seconds = excluded.duration_seconds,
       status = excluded.status,
       verdict = excluded.verdict,
       rto_seconds = excluded.rto_seconds,
       rto_to_proven_seconds = excluded.rto_to_proven_seconds,
       rpo_seconds = excluded.rpo_seconds,
       rpo_bytes = excluded.rpo_bytes,
       rpo_transactions = excluded.rpo_transactions,
       evidence_path = excluded.evidence_path,
       restored_bytes = excluded.restored_bytes,
       replayed_bytes = excluded.replayed_bytes,
       waited_for_humans_seconds = excluded.waited_for_humans_seconds,
       scenario = excluded.scenario,
       worst_rpo_seconds = excluded.worst_rpo_seconds,
       compared_lsn = excluded.compared_lsn,
       evidence_sha256 = excluded.evidence_sha256`,
    [
      evidence.cluster,
      evidence.kind,
      target.type,
      target.text,
      target.time,
      target.lsn,
      evidence.startedAt,
      evidence.finishedAt,
      statusOf(evidence),
      evidence.verdict,
      evidence.clock.rtoSeconds ?? null,
      evidence.clock.rtoToProvenSeconds ?? null,
      evidence.rpo?.seconds ?? null,
      whole(evidence.rpo?.bytes),
      evidence.rpo?.transactions ?? null,
      place.evidencePath ?? null,
      evidence.workflowId,
      evidence.runId,
      whole(evidence.restoredBytes),
      whole(evidence.replay?.replayedBytes),
      evidence.clock.waitedForHumansSeconds,
      evidence.scenario?.name ?? null,
      evidence.rpo?.worst?.seconds ?? null,
      comparedAt(evidence),
      evidence.sha256 ?? null,
    ],
  );
}

/** For a column of type bigint. */
function whole(bytes: number | undefined): number | null {
  return bytes === undefined ? null : Math.round(bytes);
}

function comparedAt({ checks, fence }: Evidence): string | null {
  const compared = checks.some(({ name, status }) => name === 'content' && status !== 'unproven');
  return compared ? (fence?.lsn ?? null) : null;
}

/** What became of the restore itself. Whether its content was right is the verdict's business. */
function statusOf(evidence: Evidence): 'completed' | 'failed' | 'rejected' {
  if (evidence.approvals.some(({ decision }) => decision === 'rejected' || decision === 'expired')) return 'rejected';
  return evidence.clock.rtoSeconds === undefined ? 'failed' : 'completed';
}

/** The target as it was asked for: also where the drill ended before it was resolved. */
function targetOf(evidence: Evidence): { type: string; text: string; time: string | null; lsn: string | null } {
  const asked = evidence.target?.requested ?? evidence.input['target'];
  const text = typeof asked === 'string' ? asked : 'unknown';
  const target = parseTarget(text);
  const kind = typeof target === 'string' ? 'unknown' : target.kind;
  return {
    type: kind,
    text,
    time: typeof target !== 'string' && target.kind === 'time' ? target.time : null,
    lsn: evidence.target?.lsn ?? (typeof target !== 'string' && target.kind === 'lsn' ? target.lsn : null),
  };
}
