import type { ResolvedCluster } from '../configuration/cluster.js';
import { ConfigurationError } from '../errors.js';
import { openRepository } from '../repository/repository.js';
import type { RetentionRequest } from './facts.js';

/**
 * Retention of a configured cluster.
 *
 * @throws ConfigurationError where it has none; RepositoryError where there is no repository.
 */
export async function retentionOf(cluster: ResolvedCluster, acceptClock = false): Promise<RetentionRequest> {
  const { retention: settings, walDirectory, ownWalDirectory } = cluster;
  if (settings === undefined) {
    throw new ConfigurationError({
      what: `Cluster ${cluster.name} has no retention in the configuration.`,
      means: 'Nothing of it is ever deleted.',
      todo: `Add clusters.${cluster.name}.retention ({} for the defaults), and look at: pgdrill retention plan ${cluster.name}`,
    });
  }
  return { repository: await openRepository(cluster), walDirectory, ownWalDirectory, settings, acceptClock };
}
