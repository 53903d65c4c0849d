import type { ResolvedCluster } from '../configuration/cluster.js';
import { judgeCluster } from '../objectives/judge.js';
import { readDrills } from '../objectives/read-drills.js';
import { openRepository } from '../repository/repository.js';
import type { Notification } from '../schema/notification.js';
import { lookAtArchive, openGaps } from '../verify/verify.js';

/**
 * What is wrong with a cluster without any run having told it: the last proof is too old, or the WAL archive has a gap that replay does not
 * get past. The id has the day in it: each is told once a day, for as long as it lasts.
 *
 * @throws RepositoryError where the repository cannot be read.
 */
export async function dueNotifications(
  cluster: Pick<ResolvedCluster, 'name' | 'repository' | 'walDirectory' | 'objectives'>,
  now: Date,
  signal: AbortSignal,
): Promise<Notification[]> {
  const { name } = cluster;
  const repository = await openRepository(cluster);
  const at = now.toISOString();
  const day = at.slice(0, 10);
  const due: Notification[] = [];
  const proof = judgeCluster(cluster, await readDrills(repository), now).objectives.find(
    (objective) => objective.name === 'proven_within',
  );
  if (proof?.status === 'missed') {
    due.push({
      id: `proof_too_old/${name}/${day}`,
      event: 'proof_too_old',
      severity: 'warning',
      cluster: name,
      title: `${name}: the last proof is older than ${proof.objective ?? ''}`,
      text: proof.how,
      command: `pgdrill drill ${name}`,
      at,
    });
  }
  const { gaps } = await lookAtArchive(repository, cluster.walDirectory, signal);
  const open = openGaps(gaps);
  const [first] = open;
  if (first !== undefined) {
    due.push({
      id: `archive_gap/${name}/${day}`,
      event: 'archive_gap',
      severity: 'critical',
      cluster: name,
      title: `${name}: WAL is missing in the archive`,
      text: `${first.what}${open.length > 1 ? ` And ${open.length - 1} more.` : ''} Take a full backup now: it does not need the lost WAL.`,
      command: `pgdrill repo verify ${name}`,
      at,
    });
  }
  return due;
}
