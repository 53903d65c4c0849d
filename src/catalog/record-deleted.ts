import type { Connection } from '../postgres/connection.js';

/** Notes when backups were deleted. Their rows stay: they are history. */
export async function recordDeleted(
  client: Connection,
  { cluster, ids, at }: { cluster: string; ids: readonly string[]; at: string },
): Promise<void> {
  await client.query(
    `update pgdrill.backup_history set deleted_at = $3
      where cluster = $1 and backup_id = any ($2) and deleted_at is null`,
    [cluster, ids, at],
  );
}
