import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf } from '../errors.js';
import { readTimelineHistory, type TimelineSpan } from '../postgres/timeline.js';
import { listHolds } from '../repository/holds.js';
import { listProvingDrills, type ProvingDrill } from '../repository/proven.js';
import { listBackups, type Repository } from '../repository/repository.js';
import { listWalArchive, type WalArchive } from '../repository/wal-archive.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Hold } from '../schema/hold.js';
import type { RetentionSettings } from './settings.js';
import { readState, type RetentionState } from './state.js';
import { parseWalFileName, type WalFile } from './wal-file.js';

/** All that retention decides from. */
export interface RetentionFacts {
  now: Date;
  settings: RetentionSettings;
  backups: readonly BackupRecord[];
  /** Oldest first. */
  drills: readonly ProvingDrill[];
  holds: readonly Hold[];
  state: RetentionState;
  wal: WalHolding;
}

export interface WalHolding {
  /** False where the archive is not pgdrill's own: whoever fills it has to clear it. */
  owned: boolean;
  archive: WalArchive;
  files: readonly WalFile[];
  /** The ancestry of every timeline of which there is a backup, WAL or a history file. */
  histories: ReadonlyMap<number, readonly TimelineSpan[]>;
  /** Timelines of which nothing says where they come from. */
  withoutHistory: readonly number[];
}

export interface RetentionRequest {
  repository: Repository;
  walDirectory: string;
  ownWalDirectory: boolean;
  settings: RetentionSettings;
  /** What the clock says. */
  now?: Date;
  /** A person has said that the clock is right. */
  acceptClock?: boolean;
}

/**
 * Reads all that there is to know.
 *
 * @throws RepositoryError where a record, a hold or the state is damaged: with less than all of it, nothing may be deleted.
 */
export async function gatherFacts(request: RetentionRequest): Promise<RetentionFacts> {
  const { repository, walDirectory, settings } = request;
  const backups = await listBackups(repository);
  const { files, segmentSizeBytes } = await listArchivedWal(walDirectory, backups);
  const timelines = new Set([...backups, ...files].map(({ timeline }) => timeline));
  const histories = new Map<number, TimelineSpan[]>();
  for (const timeline of timelines) {
    const history = await readTimelineHistory(walDirectory, timeline);
    if (history !== undefined) histories.set(timeline, history);
  }
  return {
    now: request.now ?? new Date(),
    settings,
    backups,
    drills: await listProvingDrills(repository),
    holds: await listHolds(repository),
    state: await readState(repository),
    wal: {
      owned: request.ownWalDirectory,
      archive: await listWalArchive(walDirectory, segmentSizeBytes),
      files,
      histories,
      withoutHistory: [...timelines].filter((timeline) => !histories.has(timeline)),
    },
  };
}

/** The archive's files that retention judges, by name. */
export async function listArchivedWal(
  directory: string,
  backups: readonly BackupRecord[],
): Promise<{ files: WalFile[]; segmentSizeBytes: number }> {
  const segmentSizeBytes = backups.at(-1)?.walSegmentSizeBytes ?? 16 * 1024 * 1024;
  const files: WalFile[] = [];
  for (const name of (await readdir(directory).catch(noneWhereMissing)).sort()) {
    const parsed = parseWalFileName(name, segmentSizeBytes);
    if (parsed === undefined) continue;
    try {
      const { size, mtimeMs } = await stat(join(directory, name));
      files.push({ ...parsed, name, sizeBytes: size, mtimeMs });
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error; // it was renamed meanwhile
    }
  }
  return { files, segmentSizeBytes };
}

function noneWhereMissing(error: unknown): string[] {
  if (codeOf(error) === 'ENOENT') return [];
  throw error;
}
