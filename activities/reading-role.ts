import { resolveService } from '../src/postgres/conninfo.js';
import type { ResolvedCluster } from '../src/configuration/cluster.js';
import type { Sandbox } from '../src/schema/results.js';

/** The role that read the source, and the database that it asked: the sandbox is read by the same. */
export function readingRole(
  { connection }: Pick<ResolvedCluster, 'connection'>,
  { superuser }: Pick<Sandbox, 'superuser'>,
): { role: string; database: string } {
  const { user, dbname } = resolveService(connection);
  const role = user ?? process.env['PGUSER'] ?? superuser;
  return { role, database: dbname ?? process.env['PGDATABASE'] ?? role };
}
