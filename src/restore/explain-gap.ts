import { RepositoryError, TargetError } from '../errors.js';
import { bigIntToLsn } from '../postgres/lsn.js';
import { segmentNumberOf } from '../postgres/wal-segment.js';
import type { KnownReach } from '../repository/known-reach.js';
import type { WalArchive } from '../repository/wal-archive.js';
import { type RetentionState, wasExpired } from '../retention/state.js';
import { formatTarget, type Target } from '../schema/target.js';
import type { ReachableWal } from './resolve-target.js';

/** The WAL behind a backup, and where it stops. */
export interface FoundWal {
  reachable: ReachableWal;
  archive: WalArchive;
  /** The first segment that is missing, where later ones are there. */
  gap: string | undefined;
  /** A place behind its end that the archive had, where that is only known and not seen. */
  lost: KnownReach | undefined;
}

/** A target that is "beyond the archive" only because a segment is missing in between is a gap, and said so. */
export function explainGap(
  error: unknown,
  { gap, archive, reachable, lost }: FoundWal,
  target: Target,
  state: RetentionState | undefined,
): Error {
  if (error instanceof TargetError && gap === undefined && target.kind === 'fence') return lostSince(error, reachable);
  if (error instanceof TargetError && gap === undefined && lost !== undefined) return lostEnd(error, lost, reachable);
  if (!(error instanceof TargetError) || gap === undefined)
    return error instanceof Error ? error : new Error(String(error));
  if (state !== undefined && wasExpired(state, gap)) {
    return new TargetError(
      {
        what: `The target ${formatTarget(target)} needs WAL segment ${gap}, which retention has deleted on purpose: it lay before the recovery window.`,
        means:
          'Nothing is damaged, but that moment can no longer be restored: of the time before the window only whole backups are kept.',
        todo: 'Choose a target inside the recovery window. To keep more from now on, widen the cluster’s retention.',
      },
      { cause: error },
    );
  }
  return new RepositoryError(
    {
      what: `WAL segment ${gap} is missing in ${archive.directory}, though later ones are there: the target ${formatTarget(target)} cannot be reached from the newest backup before it.`,
      means: `Replay would stop at ${bigIntToLsn(segmentNumberOf(reachable.to, archive.segmentSizeBytes) * BigInt(archive.segmentSizeBytes))}: everything committed behind it would be lost.`,
      todo: 'Bring the segment back if another copy exists (the source’s pg_wal, a standby). Take a new full backup now: it does not need the lost WAL.',
    },
    { cause: error },
  );
}

/** A fence is only taken once its WAL has been archived: where the archive does not reach it any more, that was lost since. */
function lostSince(cause: TargetError, { directory, to }: ReachableWal): RepositoryError {
  return new RepositoryError(
    {
      what: `The WAL in ${directory} ends at ${to}, before the fence: what had been archived when the fence was taken is missing now.`,
      means: 'Somebody or something removed archived WAL: what was committed in it cannot be restored.',
      todo: 'Bring it back if another copy exists (the source’s pg_wal, a standby). Take a new full backup now, and find out what removed it.',
    },
    { cause },
  );
}

function lostEnd(cause: TargetError, lost: KnownReach, { to }: ReachableWal): RepositoryError {
  return new RepositoryError(
    {
      what: `${endsBefore(lost, to)} ${cause.explanation.what}`,
      means: 'WAL is missing in the archive: what was committed in it cannot be restored.',
      todo: 'Look for it where the archive is (and run wal.restore_command by hand); bring it back if another copy exists (the source’s pg_wal, a standby). Take a new full backup now.',
    },
    { cause },
  );
}

/** That an archive which cannot be listed ends too early, in a sentence. */
export function endsBefore({ lsn, how = '' }: KnownReach, to: string): string {
  return `wal.restore_command brings no WAL behind ${to}, though the archive had it up to ${lsn}: ${how}.`;
}
