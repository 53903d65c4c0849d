import { compareLsn } from '../postgres/lsn.js';
import { messageOf, RepositoryError, TargetError } from '../errors.js';
import { readTimelineHistory } from '../postgres/timeline.js';
import { liesOn, listRecordedFences } from '../repository/recorded-fences.js';
import type { Repository } from '../repository/repository.js';
import { moment } from '../schema/figures.js';
import type { Plan, RecordedFence, ResolvedTarget } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import type { RestorePlan } from './plan.js';

/**
 * Plans a restore to a target at which nothing is known of the source, by way of the newest recorded fence before it: there the restored
 * content can be compared. Where the fastest chain begins behind that fence, another one that leads over it is taken.
 *
 * @param make plans the restore; with a place that replay has to come by, from backups that end before it.
 * @returns the plan with the fence, or the fastest one and why there is none.
 */
export async function planOverFence(
  tools: PostgresTools,
  { repository, walDirectory }: { repository: Repository; walDirectory: string },
  make: (over?: string) => Promise<RestorePlan>,
): Promise<RestorePlan & Pick<Plan, 'onTheWay' | 'noFence'>> {
  const fastest = await make();
  const recorded = await newestBefore(tools, { repository, walDirectory, target: fastest.target });
  const record = `A drill of scenario now, longest-chain or after-failover records one: pgdrill drill ${repository.cluster}`;
  if (recorded === undefined)
    return {
      ...fastest,
      noFence: `no drill with PostgreSQL ${tools.version} has recorded a fence before the target. ${record}`,
    };
  const { lsn, takenAt } = recorded.fence;
  const target: ResolvedTarget = {
    requested: `lsn=${lsn}`,
    settings: { recovery_target_lsn: lsn, recovery_target_inclusive: 'off' },
    lsn,
    timeline: fastest.target.timeline,
  };
  const last = fastest.chain.at(-1);
  if (last === undefined) throw new RangeError('an empty chain');
  if (compareLsn(last.endLsn, lsn) <= 0) return { ...fastest, onTheWay: { target, recorded } };
  try {
    return { ...(await make(lsn)), onTheWay: { target, recorded, instead: last.id } };
  } catch (error) {
    if (!(error instanceof TargetError || error instanceof RepositoryError)) throw error;
    const why = messageOf(error).split('\n')[0] ?? '';
    return {
      ...fastest,
      noFence: `the nearest recorded fence, ${lsn} of drill ${recorded.drill} (${moment(takenAt)}), lies before backup ${last.id}, and no older backup leads over it to there (${why}). ${record}`,
    };
  }
}

async function newestBefore(
  tools: PostgresTools,
  { repository, walDirectory, target }: { repository: Repository; walDirectory: string; target: ResolvedTarget },
): Promise<RecordedFence | undefined> {
  const { lsn, timeline } = target;
  if (lsn === undefined) return undefined;
  const history = (await readTimelineHistory(walDirectory, timeline)) ?? [{ timeline }];
  const fences = await listRecordedFences(repository, tools);
  return fences.findLast((each) => compareLsn(each.fence.lsn, lsn) <= 0 && liesOn(each, history));
}
