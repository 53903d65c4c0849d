import { messageOf } from '../errors.js';
import type { Connection } from '../postgres/connection.js';
import { compareLsn } from '../postgres/lsn.js';
import type { Source } from '../postgres/source.js';
import { isInHistory, readTimelineHistory } from '../postgres/timeline.js';
import type { StepContext } from '../process/step-context.js';
import { newestBackup } from '../repository/chains.js';
import { fetchTimelines, fetchWal } from '../repository/fetch-wal.js';
import { archivedBySource } from '../repository/known-reach.js';
import { listBackups, type Repository } from '../repository/repository.js';
import { continuityFrom, listWalArchive } from '../repository/wal-archive.js';
import type { CommandWal } from '../repository/wal-mode.js';
import { endsBefore } from '../restore/explain-gap.js';
import type { Finding } from '../schema/results.js';

const name = 'archive gaps';

/**
 * WAL that is missing behind the newest backup in an archive that only a command reaches: all of it is fetched, as for a drill. It warns
 * and never fails: a backup is what then helps.
 */
export async function checkForeignGaps(
  client: Connection,
  source: Source,
  { repository, walDirectory, wal }: { repository: Repository; walDirectory: string; wal: CommandWal },
  context: StepContext,
): Promise<Finding[]> {
  const { signal } = context;
  try {
    await fetchTimelines(wal, { walDirectory, timelines: [source.timeline] }, signal);
    const history = (await readTimelineHistory(walDirectory, source.timeline)) ?? [{ timeline: source.timeline }];
    const backups = await listBackups(repository);
    const newest = newestBackup(
      backups.filter((each) => isInHistory(history, { timeline: each.timeline, lsn: each.endLsn })),
    );
    if (newest === undefined) return [];
    const { id, timeline, endLsn: lsn, walSegmentSizeBytes: segmentSizeBytes } = newest;
    context.progress({ doing: `fetching the WAL behind backup ${id}` });
    const known = () => archivedBySource(client, source.systemIdentifier);
    const wanted = { walDirectory, segmentSizeBytes, from: { timeline, lsn }, timeline: source.timeline, known };
    const lost = await fetchWal(wal, wanted, signal);
    const { endLsn = lsn, gap } = continuityFrom(await listWalArchive(walDirectory, segmentSizeBytes), history, lsn);
    const ends = lost !== undefined && compareLsn(endLsn, lost.lsn) < 0 ? endsBefore(lost, endLsn) : undefined;
    const message =
      gap === undefined ? ends : `WAL segment ${gap} is missing in the archive, though later ones are there.`;
    if (message === undefined) return [];
    return [
      {
        name,
        level: 'warning',
        message: `${message} Replay from backup ${id} ends before it.`,
        fix: `Take a full backup (pgdrill backup ${repository.cluster} --type full), and bring the WAL back into the archive if another copy exists.`,
      },
    ];
  } catch (error) {
    signal.throwIfAborted();
    return [{ name, level: 'warning', message: `not looked for: ${messageOf(error)}` }];
  }
}
