import { compareLsn } from '../postgres/lsn.js';
import { readTimelineHistory } from '../postgres/timeline.js';
import { liesOn, listRecordedFences } from '../repository/recorded-fences.js';
import type { Repository } from '../repository/repository.js';
import type { RecordedFence, ResolvedTarget } from '../schema/results.js';
import type { Target } from '../schema/target.js';
import type { PostgresTools } from '../toolchain/postgres.js';

/** What is known of the source at a target `lsn=…`: the fence that an earlier drill took at this very place, on this line of timelines. */
export async function recordedFenceFor(
  tools: PostgresTools,
  request: { repository: Repository; walDirectory: string; target: Target; resolved: ResolvedTarget },
): Promise<RecordedFence | undefined> {
  const { target, resolved } = request;
  if (target.kind !== 'lsn') return undefined;
  const history = await readTimelineHistory(request.walDirectory, resolved.timeline);
  if (history === undefined) return undefined;
  const fences = await listRecordedFences(request.repository, tools);
  return fences.findLast((each) => compareLsn(each.fence.lsn, target.lsn) === 0 && liesOn(each, history));
}
