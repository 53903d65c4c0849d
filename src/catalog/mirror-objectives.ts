import type { Objectives } from '../configuration/cluster.js';
import type { Connection } from '../postgres/connection.js';

/** Makes `cluster_objectives` say what is demanded of a cluster now; what is demanded no longer goes. */
export async function mirrorObjectives(
  client: Connection,
  { name, objectives }: { name: string; objectives: Objectives },
): Promise<void> {
  const demanded = [
    { objective: 'rto', text: objectives.rto, limitSeconds: objectives.rtoSeconds },
    { objective: 'rpo', text: objectives.rpo, limitSeconds: objectives.rpoSeconds },
    { objective: 'proven_within', text: objectives.provenWithin, limitSeconds: objectives.provenWithinSeconds },
  ].filter(({ limitSeconds = 0 }) => limitSeconds > 0);
  await client.query('delete from pgdrill.cluster_objectives where cluster = $1 and not objective = any($2)', [
    name,
    demanded.map(({ objective }) => objective),
  ]);
  for (const { objective, text, limitSeconds } of demanded) {
    await client.query(
      `insert into pgdrill.cluster_objectives (cluster, objective, demanded, limit_seconds)
       values ($1, $2, $3, $4)
       on conflict (cluster, objective) do update set
         demanded = excluded.demanded, limit_seconds = excluded.limit_seconds, recorded_at = now()`,
      [name, objective, text, limitSeconds],
    );
  }
}
