import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { copyWithOwner } from '../files/copy-with-owner.js';
import { makePrivateDirectory } from '../files/durable.js';
import { segmentNumberOf } from '../postgres/wal-segment.js';
import type { StepContext } from '../process/step-context.js';
import { fetchBackup } from '../repository/fetch-backup.js';
import { keys, type Repository } from '../repository/repository.js';
import { listWalFiles } from '../repository/wal-files.js';
import { unpack } from '../repository/wal-window.js';
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
  await copyWal(request.walDirectory, walDirectory, { ...request.wal, segmentSizeBytes }, copy, context.signal);
  return copy;
}

/**
 * The segments of all timelines from the range, the next one (the last record may end in it), and every history file. Compressed ones are
 * unpacked, so that they can be broken like others; one that is still being received gets a copy, since it is written to in place.
 */
async function copyWal(
  from: string,
  to: string,
  wal: { from: string; to: string; segmentSizeBytes: number },
  copy: RepositoryCopy,
  signal: AbortSignal,
): Promise<void> {
  const [first, last] = [
    segmentNumberOf(wal.from, wal.segmentSizeBytes),
    segmentNumberOf(wal.to, wal.segmentSizeBytes) + 1n,
  ];
  for (const { name, segment, number, form } of (await listWalFiles(from, wal.segmentSizeBytes)).values()) {
    if (number < first || number > last) continue;
    if (form === 'plain') await linkFile(join(from, name), join(to, name), copy);
    else {
      if (form === 'partial') await copyWithOwner(join(from, name), join(to, name));
      else await unpack([{ compression: form, source: join(from, name), target: join(to, segment) }], signal);
      copy.files += 1;
      copy.copiedBytes += wal.segmentSizeBytes;
    }
  }
  for (const name of await readdir(from))
    if (/^[0-9A-F]{8}\.history$/.test(name)) await linkFile(join(from, name), join(to, name), copy);
}
