import { join } from 'node:path';

import { TargetError } from '../errors.js';
import { readTextFile, writeFileDurably } from '../files/durable.js';
import { stopInstance } from '../postgres/instance.js';
import { compareLsn } from '../postgres/lsn.js';
import { fetchWal } from '../repository/fetch-wal.js';
import type { Wal } from '../repository/wal-mode.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { ResolvedTarget, Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { keepLastSegment } from './last-segment.js';
import { formatSettings } from './sandbox-settings.js';
import { sandboxConfig } from './sandbox.js';
import { readWalToReplay } from './wal-range.js';

/** Where recovery stops; which timeline it follows and that it pauses there stay as they are. */
const target = /^recovery_target(_time|_lsn|_name|_xid|_inclusive)? = .*\n/gm;

export interface MoveTargetRequest {
  sandbox: Sandbox;
  reachedLsn: string;
  from: ResolvedTarget;
  to: ResolvedTarget;
  /** The WAL up to the other target, where not all of it was read when the restore was prepared. */
  unread?: {
    wal: { to: string };
    walDirectory: string;
    /** Which command fetches WAL there, where one does. */
    fetchedBy?: Wal;
    /** The backup that replay began from. */
    last: BackupRecord;
  };
}

/**
 * Gives a sandbox that is paused at one target another one further on, and stops its server: started again, it replays on from where it stood.
 * WAL on the way that was not read yet is read first, as it was up to the first target. Done already is fine.
 *
 * @throws TargetError where the other target lies before what was replayed, or on another timeline: replay goes one way; RepositoryError
 *   where the WAL on the way cannot be replayed. The server is paused as it was, then.
 */
export async function moveTarget(tools: PostgresTools, request: MoveTargetRequest, signal: AbortSignal): Promise<void> {
  const { sandbox, reachedLsn, from, to, unread } = request;
  const behind = to.lsn !== undefined && compareLsn(to.lsn, reachedLsn) < 0;
  if (behind || to.timeline !== from.timeline) {
    const where = behind
      ? `lies at ${to.lsn ?? ''}, before ${reachedLsn}, where the restored server stands`
      : `lies on timeline ${to.timeline}; the restored server follows ${from.timeline}`;
    throw new TargetError({
      what: `Target ${to.requested} ${where}.`,
      means: 'Replay only goes forward. The server is paused as it was.',
      todo: `That needs a new restore: reject here, and start again with --target ${to.requested}`,
    });
  }
  if (unread !== undefined) {
    const { wal, walDirectory, fetchedBy, last } = unread;
    const place = { timeline: to.timeline, lsn: reachedLsn };
    const wanted = { walDirectory, segmentSizeBytes: last.walSegmentSizeBytes, from: place, timeline: to.timeline };
    await fetchWal(fetchedBy, { ...wanted, to: wal.to }, signal);
    const way = { walDirectory, wal, target: to, sandbox };
    await readWalToReplay(tools, way, last, signal, reachedLsn);
    await keepLastSegment(tools, way, last, signal);
  }
  const path = join(sandboxConfig(sandbox), 'postgresql.conf');
  const text = await readTextFile(path);
  await writeFileDurably(path, `${text.replaceAll(target, '')}${formatSettings(to.settings)}`);
  await stopInstance(tools, sandbox.dataDirectory, 'fast');
}
