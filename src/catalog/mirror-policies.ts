import type { Connection } from '../postgres/connection.js';
import type { PolicyConfiguration } from '../schema/policy.js';
import { parseDurationMs } from '../schema/primitives.js';

export interface MirroredPolicy {
  cluster: string;
  name: string;
  policy: PolicyConfiguration;
  /** Its id in Temporal. */
  scheduleId: string;
}

/**
 * Makes `backup_policies` say what was applied, for the clusters named: theirs that are no longer there go. All or nothing.
 *
 * @param clusters whose policies these are, also where one has none any more.
 */
export async function mirrorPolicies(
  client: Connection,
  clusters: readonly string[],
  policies: readonly MirroredPolicy[],
): Promise<void> {
  await client.query('begin');
  try {
    await client.query(
      `delete from pgdrill.backup_policies
        where cluster = any($1) and not (schedule_id is not null and schedule_id = any($2))`,
      [clusters, policies.map(({ scheduleId }) => scheduleId)],
    );
    for (const { cluster, name, policy, scheduleId } of policies) {
      await client.query(
        `insert into pgdrill.backup_policies as mirrored
           (cluster, policy_name, backup_type, retention_days, schedule_cron, enabled, time_zone, keep, schedule_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (cluster, policy_name) do update set
           backup_type = excluded.backup_type,
           retention_days = excluded.retention_days,
           schedule_cron = excluded.schedule_cron,
           enabled = excluded.enabled,
           time_zone = excluded.time_zone,
           keep = excluded.keep,
           schedule_id = excluded.schedule_id,
           applied_at = now()`,
        [
          cluster,
          name,
          policy.type === 'synthetic' ? 'full' : policy.type, // what it leaves
          Math.max(1, Math.ceil((parseDurationMs(policy.keep) ?? 0) / 86_400_000)),
          policy.cron,
          policy.enabled,
          policy.time_zone,
          policy.keep,
          scheduleId,
        ],
      );
    }
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** When each schedule was applied last, by its id in Temporal: ISO 8601 in UTC. */
export async function appliedPolicies(client: Connection): Promise<Map<string, string>> {
  const { rows } = await client.query<{ id: string; at: Date }>(
    `select schedule_id as id, applied_at as at from pgdrill.backup_policies where schedule_id is not null`,
  );
  return new Map(rows.map(({ id, at }) => [id, at.toISOString()]));
}
