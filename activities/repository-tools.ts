import { listBackups, type Repository } from '../src/repository/repository.js';
import type { PostgresTools } from '../src/toolchain/postgres.js';
import type { Dependencies } from './dependencies.js';

/**
 * The tools of the version that the backups of a repository are of: pg_waldump of another reads nothing of their WAL. A repository holds
 * one cluster, so all are of one major version.
 */
export async function toolsOfRepository(
  { toolsFor }: Pick<Dependencies, 'toolsFor'>,
  repository: Repository,
): Promise<PostgresTools> {
  const newest = (await listBackups(repository)).at(-1);
  return await toolsFor(newest === undefined ? 0 : Math.floor(newest.serverVersionNumber / 10_000));
}
