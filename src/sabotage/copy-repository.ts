import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { makePrivateDirectory } from '../files/durable.js';
import { parseSegmentName, segmentNumberOf } from '../postgres/wal-segment.js';
import type { StepContext } from '../process/step-context.js';
import { fetchBackup } from '../repository/fetch-backup.js';
import { keys, type Repository } from '../repository/repository.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { Expendable } from './expendable.js';
import { type CopyTally, linkFile, linkTree } from './link-tree.js';

/** A repository of its own that holds what one restore needs, and how it came to be. */
export interface RepositoryCopy extends CopyTally {
  repository: string;
  walDirectory: string;
}

/** Where the copy lies in a sandbox's directory; it goes with the sandbox. */
export function copyLayout(sandboxDirectory: string): { repository: string; walDirectory: string } {
  const repository = join(sandboxDirectory, 'copy');
  return { repository, walDirectory: join(repository, 'wal') };
}

/**
 * Copies a chain and the WAL from its last link's start to the target: by hard links where the disk allows it, which cost no room;
 * Expendable gives a file content of its own before it is broken. An earlier attempt's copy is removed first.
 */
export async function copyRepository(
  request: {
    repository: Repository;
    walDirectory: string;
    chain: readonly BackupRecord[];
    wal: { from: string; to: string };
    /** The sandbox that the copy is for, and the directory that holds the cluster's. */
    sandboxDirectory: string;
    sandboxes: string;
  },
  context: StepContext,
): Promise<RepositoryCopy> {
  const { repository, walDirectory } = copyLayout(request.sandboxDirectory);
  await Expendable.declare(request.sandboxDirectory, request.sandboxes);
  await rm(repository, { recursive: true, force: true });
  await makePrivateDirectory(walDirectory);
  const copy: RepositoryCopy = { repository, walDirectory, files: 0, linkedBytes: 0, copiedBytes: 0 };
  const from = request.repository.path;
  await linkFile(join(from, keys.identity), join(repository, keys.identity), copy);
  await makePrivateDirectory(join(repository, keys.backups));
  for (const link of request.chain) {
    context.progress({ doing: `copying ${link.id}` });
    const original = await fetchBackup(request.repository, link);
    const target = join(repository, keys.backup(link.id));
    await linkTree(original, target, { from, to: repository }, copy, context.signal);
  }
  context.progress({ doing: 'copying WAL' });
  const segmentSizeBytes = request.chain.at(-1)?.walSegmentSizeBytes ?? 0;
  for (const name of await neededWal(request.walDirectory, request.wal, segmentSizeBytes))
    await linkFile(join(request.walDirectory, name), join(walDirectory, name), copy);
  return copy;
}

/** The segments of all timelines from the range, the next one (the last record may end in it), and every history file. */
async function neededWal(
  walDirectory: string,
  { from, to }: { from: string; to: string },
  segmentSizeBytes: number,
): Promise<string[]> {
  const [first, last] = [segmentNumberOf(from, segmentSizeBytes), segmentNumberOf(to, segmentSizeBytes) + 1n];
  return (await readdir(walDirectory)).filter((name) => {
    if (/^[0-9A-F]{8}\.history$/.test(name)) return true;
    const segment = parseSegmentName(name, segmentSizeBytes);
    return segment !== undefined && segment.number >= first && segment.number <= last;
  });
}
