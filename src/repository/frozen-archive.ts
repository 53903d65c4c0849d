import { symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf } from '../errors.js';
import { copyWithOwner } from '../files/copy-with-owner.js';
import type { TimelineSpan } from '../postgres/timeline.js';
import { segmentName } from '../postgres/wal-segment.js';
import { listWalArchive, type WalArchive } from './wal-archive.js';
import { listWalFiles } from './wal-files.js';
import { partialAfter } from './wal-reach.js';
import { withScratch } from './wal-window.js';

/**
 * Holds still what an archive has at this very moment, the segment that is being received included: what arrives while `work` runs does not
 * count. It takes milliseconds, so that what follows says where the source stood when the archive was frozen.
 */
export async function withFrozenArchive<T>(
  request: { directory: string; segmentSizeBytes: number; history: readonly TimelineSpan[]; fromLsn: string },
  work: (archive: WalArchive) => Promise<T>,
): Promise<T> {
  const { directory, segmentSizeBytes, history, fromLsn } = request;
  return await withScratch(async (scratch) => {
    for (;;) {
      const archive = await listWalArchive(directory, segmentSizeBytes);
      const partial = partialAfter(archive, history, fromLsn);
      if (partial === undefined) return await work(archive);
      const { timeline, number } = partial;
      const name = `${segmentName({ timeline, number }, segmentSizeBytes)}.partial`;
      try {
        await copyWithOwner(join(directory, name), join(scratch, name));
      } catch (error) {
        if (codeOf(error) === 'ENOENT') continue; // finished meanwhile
        throw error;
      }
      const files = await listWalFiles(directory, segmentSizeBytes);
      const before = files.get(segmentName({ timeline, number: number - 1n }, segmentSizeBytes));
      if (before !== undefined) await symlink(join(directory, before.name), join(scratch, before.name));
      return await work({ ...archive, directory: scratch });
    }
  });
}
