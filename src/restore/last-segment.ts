import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { RepositoryError } from '../errors.js';
import { copyWithOwner } from '../files/copy-with-owner.js';
import { makePrivateDirectory } from '../files/durable.js';
import { bigIntToLsn, compareLsn, lsnToBigInt } from '../postgres/lsn.js';
import { readTimelineHistory } from '../postgres/timeline.js';
import { segmentName } from '../postgres/wal-segment.js';
import { withFrozenArchive } from '../repository/frozen-archive.js';
import { reachOf } from '../repository/wal-reach.js';
import { zeroFrom } from '../repository/wal-window.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { sandboxConfig } from './sandbox.js';

/** Where a sandbox has its copy of the segment that was still being received. */
export function lastSegments(sandbox: Pick<Sandbox, 'directory'>): string {
  return join(sandboxConfig(sandbox), 'wal');
}

/**
 * Where a restore needs WAL that lies only in a `.partial` segment, the sandbox gets a copy of it under the segment's own name, with
 * nothing behind its last whole record: what is still being written cannot change under the replay, and only the end of the archive
 * is ever taken from a partial segment.
 *
 * @throws RepositoryError when the segment does not reach as far any more as when the restore was planned.
 */
export async function keepLastSegment(
  tools: PostgresTools,
  request: { walDirectory: string; wal: { to: string }; target: { timeline: number }; sandbox: Sandbox },
  last: BackupRecord,
  signal: AbortSignal,
): Promise<void> {
  const { walDirectory, wal, target, sandbox } = request;
  const directory = lastSegments(sandbox);
  await rm(directory, { recursive: true, force: true });
  const history = (await readTimelineHistory(walDirectory, target.timeline)) ?? [{ timeline: target.timeline }];
  const segmentSizeBytes = last.walSegmentSizeBytes;
  await withFrozenArchive(
    { directory: walDirectory, segmentSizeBytes, history, fromLsn: last.endLsn },
    async (archive) => {
      const { endLsn, partial } = await reachOf(tools, archive, history, last.endLsn, signal);
      if (compareLsn(endLsn ?? last.endLsn, wal.to) < 0) throw shrunk(walDirectory, endLsn ?? last.endLsn, wal.to);
      if (partial === undefined) return;
      const begin = bigIntToLsn(partial.number * BigInt(segmentSizeBytes));
      if (compareLsn(wal.to, begin) < 0) return;
      const segment = segmentName(partial, segmentSizeBytes);
      await makePrivateDirectory(directory);
      await copyWithOwner(join(archive.directory, `${segment}.partial`), join(directory, segment));
      await zeroFrom(join(directory, segment), Number(lsnToBigInt(partial.endLsn) - lsnToBigInt(begin)));
    },
  );
}

function shrunk(walDirectory: string, to: string, wanted: string): RepositoryError {
  return new RepositoryError({
    what: `The WAL in ${walDirectory} ends at ${to} now; when the restore was planned, it reached ${wanted}.`,
    means: 'Somebody or something removed or damaged archived WAL meanwhile.',
    todo: 'Bring it back if another copy exists (the source’s pg_wal, a standby); else choose an earlier target.',
  });
}
