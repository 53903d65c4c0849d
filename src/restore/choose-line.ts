import { RepositoryError, TargetError } from '../errors.js';
import { isInHistory, readTimelineHistory, type TimelineSpan } from '../postgres/timeline.js';
import { listWalArchive } from '../repository/wal-archive.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Fence } from '../schema/results.js';
import type { Target } from '../schema/target.js';

/** The timelines that a restore follows. */
export interface Line {
  timeline: number;
  /** Those that lead to it, itself last. */
  history: readonly TimelineSpan[];
  warnings: string[];
}

/**
 * Which timelines a restore follows, as `recovery_target_timeline` would be set: the fence's, the one that the target names, else the newest
 * that the repository knows and that a backup lies on. What an older timeline has behind the place where it was left (transactions that
 * a failover lost) belongs to no newer one: it has to be asked for by its timeline.
 *
 * @throws TargetError for a timeline that the repository does not know, or that no backup leads to; RepositoryError where its history file is missing.
 */
export async function chooseLine(
  request: { walDirectory: string; target: Target; fence: Fence | undefined },
  backups: readonly BackupRecord[],
): Promise<Line> {
  const { walDirectory, target, fence } = request;
  const wanted = fence?.timeline ?? (target.kind === 'fence' ? undefined : target.timeline);
  const archive = await listWalArchive(walDirectory, backups[0]?.walSegmentSizeBytes ?? 0);
  const known = new Set([
    ...archive.segments.keys(),
    ...(archive.partials?.keys() ?? []),
    ...backups.map(({ timeline }) => timeline),
  ]);
  const warnings: string[] = [];
  const candidates = wanted === undefined ? [...known].sort((a, b) => b - a) : [wanted];
  for (const timeline of candidates) {
    const own = backups.some((backup) => backup.timeline === timeline);
    const read = await readTimelineHistory(walDirectory, timeline);
    // A backup of the timeline itself needs none of its ancestors.
    const history = read ?? (own ? [{ timeline }] : undefined);
    if (history === undefined) {
      warnings.push(`${noHistory(walDirectory, timeline)}, so no restore can follow it there.`);
      continue;
    }
    if (backups.some((backup) => isInHistory(history, { timeline: backup.timeline, lsn: backup.endLsn })))
      return { timeline, history, warnings };
  }
  throw unknownLine(request, wanted ?? 0, known, warnings);
}

function noHistory(walDirectory: string, timeline: number): string {
  return `The history file of timeline ${timeline} is missing in ${walDirectory}`;
}

function unknownLine(
  { walDirectory, fence }: { walDirectory: string; fence: Fence | undefined },
  wanted: number,
  known: ReadonlySet<number>,
  warnings: readonly string[],
): Error {
  if (warnings.length > 0 && (known.has(wanted) || fence !== undefined)) {
    return new RepositoryError({
      what: `${noHistory(walDirectory, wanted)}.`,
      means: 'Nothing says where this timeline left the one before, so recovery cannot follow it.',
      todo: 'Bring the .history file back (from the source’s pg_wal, or a standby), or choose a target on another timeline.',
    });
  }
  const list = [...known].sort((a, b) => a - b).join(', ');
  return new TargetError({
    what: known.has(wanted)
      ? `No backup leads to timeline ${wanted}: all were taken behind the place where it left the one before, or on others.`
      : `The repository holds nothing of timeline ${wanted}; it knows ${list}.`,
    means: 'There is nothing that recovery could follow to it.',
    todo: 'Name another timeline, or none for the newest. pgdrill plan shows what each can be restored to.',
  });
}
