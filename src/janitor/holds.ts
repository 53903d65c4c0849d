import { hostname } from 'node:os';

import type { Owner } from '../registry/entry.js';
import { isInForce, listHolds, releaseHold } from '../repository/holds.js';
import { openRepository, type Repository } from '../repository/repository.js';
import { holderOf } from '../schema/hold.js';

/** A hold in a repository that may be over. */
export interface FoundHold {
  repository: Repository;
  id: string;
  what: string;
  cluster: string;
  /** Absent where it has expired: then it holds nothing, whoever asked for it. */
  run?: { owner: Owner; host: string; createdAt: string };
}

/** The holds of runs, and those of anybody that have expired. A repository that is not there just now has none to see to. */
export async function findHolds(
  repositories: readonly { name: string; repository: string }[],
  now: Date,
): Promise<FoundHold[]> {
  const found: FoundHold[] = [];
  for (const place of repositories) {
    const repository = await openRepository(place).catch(() => undefined);
    if (repository === undefined) continue;
    for (const hold of await listHolds(repository).catch(() => [])) {
      const { by, id, cluster, since } = hold;
      const base = { repository, id, cluster, what: `hold ${id} of ${holderOf(hold)} in ${repository.path}` };
      if (!isInForce(hold, now)) found.push(base);
      else if (by.kind === 'run') {
        const { namespace, workflowId, runId } = by;
        // A repository can be reached from several hosts: a hold is of none.
        found.push({ ...base, run: { owner: { namespace, workflowId, runId }, host: hostname(), createdAt: since } });
      }
    }
  }
  return found;
}

export async function removeHold({ repository, id }: FoundHold): Promise<void> {
  await releaseHold(repository, id);
}
