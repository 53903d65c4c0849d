import type { ResolvedCluster } from '../src/configuration/cluster.js';
import { openRepository, type Repository } from '../src/repository/repository.js';
import type { Wal } from '../src/repository/wal-mode.js';
import { sandboxLayout } from '../src/restore/sandbox.js';
import { copyLayout } from '../src/sabotage/copy-repository.js';
import { proveExpendable } from '../src/sabotage/sabotage.js';

/**
 * The repository that a restore reads: the cluster's own, or the copy that lies in a sandbox's directory. Which directory that is follows
 * from the sandbox's name: an input cannot name any other place.
 */
export async function repositoryFor(
  cluster: ResolvedCluster,
  copyIn: string | undefined,
): Promise<{ repository: Repository; walDirectory: string; wal: Wal }> {
  if (copyIn === undefined) {
    const { walDirectory, wal } = cluster;
    return { repository: await openRepository(cluster), walDirectory, wal };
  }
  const { directory } = sandboxLayout(copyIn, cluster.sandboxDirectory);
  await proveExpendable(cluster, directory);
  const copy = copyLayout(directory);
  const repository = await openRepository({ name: cluster.name, repository: copy.repository });
  // Whatever the cluster's archive is, the copy's is a directory.
  return { repository, walDirectory: copy.walDirectory, wal: { mode: 'archive' } };
}
