import { basename, dirname } from 'node:path';

import type { Connection } from '../postgres/connection.js';

/**
 * The newest evidence of a repository that the catalog knows with its digest.
 *
 * @param repositoryPath of rows that were recorded from there: another repository of the cluster has a chain of its own.
 */
export async function newestEvidence(
  client: Connection,
  { cluster, repositoryPath }: { cluster: string; repositoryPath: string },
): Promise<{ id: string; sha256: string } | undefined> {
  const { rows } = await client.query<{ path: string; sha256: string }>(
    `select evidence_path as path, evidence_sha256 as sha256
     from pgdrill.recovery_history
     where cluster = $1 and evidence_sha256 is not null and starts_with(evidence_path, $2)
     order by end_time desc, id desc
     limit 1`,
    [cluster, `${repositoryPath}/evidence/`],
  );
  const [row] = rows;
  return row === undefined ? undefined : { id: basename(dirname(row.path)), sha256: row.sha256 };
}
