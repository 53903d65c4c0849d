import { RepositoryError, TargetError } from '../errors.js';
import { bigIntToLsn, compareLsn, lsnToBigInt } from '../postgres/lsn.js';
import { spansBetween, type TimelineSpan } from '../postgres/timeline.js';
import { listTransactionEnds, type TransactionEnd } from '../postgres/transaction-ends.js';
import { dumpWal, trimLsn, type WalRange } from '../postgres/waldump.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Fence, ResolvedTarget } from '../schema/results.js';
import { formatTarget, type Target, recoveryTargetTime, timeTargetMs } from '../schema/target.js';
import type { PostgresTools } from '../toolchain/postgres.js';

/** The WAL that can be replayed behind a backup, without a gap, on one line of timelines. */
export interface ReachableWal {
  directory: string;
  timeline: number;
  /** The backup's own end: replay cannot stop before. */
  from: string;
  /** Behind the last finished segment, or the last whole record of one that is still being received; `from` where the archive has nothing. */
  to: string;
  segmentSizeBytes: number;
  /** The timelines that lead to `timeline`, itself last. */
  history: readonly TimelineSpan[];
}

export interface ResolveRequest {
  target: Target;
  fence: Fence | undefined;
  /** The backup to begin from, should the target lie behind its end. */
  backup: BackupRecord;
  wal: ReachableWal;
  now: Date;
  signal: AbortSignal;
}

/**
 * Makes a target concrete: where in the WAL it lies and which settings stop replay there. Looked up in the WAL itself, so that a
 * target that cannot be reached is refused before anything is restored.
 *
 * @returns undefined where the target lies before this backup's end (an older backup may reach it).
 * @throws TargetError when it lies behind everything that the repository holds; for a name or a transaction: when it is not found
 *   behind this backup. RepositoryError when WAL on the way is damaged.
 */
export async function resolveTarget(
  tools: PostgresTools,
  request: ResolveRequest,
): Promise<ResolvedTarget | undefined> {
  const { target, wal, fence } = request;
  const requested = formatTarget(target);
  const base = { requested, timeline: wal.timeline };
  switch (target.kind) {
    case 'immediate':
      return { ...base, settings: { recovery_target: 'immediate' }, lsn: request.backup.endLsn };
    case 'fence':
      if (fence === undefined) throw new RangeError('a fence target needs a fence');
      return await stopBefore(tools, base, fence.lsn, request);
    case 'lsn':
      return await stopBefore(tools, base, target.lsn, request);
    case 'latest':
      return await stopAfterLast(tools, base, request);
    case 'time':
      return await resolveTime(tools, base, target.time, request);
    case 'name':
      return await resolveName(tools, base, target.name, request);
    case 'xid':
      return await resolveXid(tools, base, target.xid, request);
    case 'before-xid':
      return await resolveBeforeXid(tools, base, target.xid, request);
  }
}

type Base = Pick<ResolvedTarget, 'requested' | 'timeline'>;

/** "As of this LSN": everything that was written before it, nothing that begins at or behind it. */
async function stopBefore(
  tools: PostgresTools,
  base: Base,
  lsn: string,
  request: ResolveRequest,
): Promise<ResolvedTarget | undefined> {
  const { wal, backup } = request;
  if (compareLsn(lsn, backup.endLsn) < 0) return undefined;
  if (compareLsn(lsn, wal.to) > 0) throw beyondArchive(base.requested, `the WAL in ${wal.directory} ends at ${wal.to}`);
  // Recovery stops before a record at or behind the target: in the unused end of the last segment there is none.
  if (lsnToBigInt(wal.to) - lsnToBigInt(lsn) < wal.segmentSizeBytes) {
    const last = await lastRecord(tools, request);
    if (last === undefined || compareLsn(last, lsn) < 0) return await stopAfterLast(tools, base, request, last);
  }
  return { ...base, settings: { recovery_target_lsn: lsn, recovery_target_inclusive: 'off' }, lsn };
}

/** All that the reachable WAL holds: up to and with its last whole record. */
async function stopAfterLast(
  tools: PostgresTools,
  base: Base,
  request: ResolveRequest,
  known?: string,
): Promise<ResolvedTarget> {
  const { wal } = request;
  const last = known ?? (await lastRecord(tools, request));
  if (last === undefined || compareLsn(last, wal.from) < 0)
    return { ...base, settings: { recovery_target: 'immediate' }, lsn: wal.from };
  return { ...base, settings: { recovery_target_lsn: last, recovery_target_inclusive: 'on' }, lsn: last };
}

async function resolveTime(
  tools: PostgresTools,
  base: Base,
  time: string,
  request: ResolveRequest,
): Promise<ResolvedTarget | undefined> {
  const targetMs = timeTargetMs(time);
  if (targetMs > request.now.getTime()) {
    throw new TargetError({
      what: `The target ${base.requested} lies in the future (it is ${request.now.toISOString()} now).`,
      means: 'There is nothing to recover to yet.',
      todo: 'Choose a moment in the past, mind the time zone, or use target latest.',
    });
  }
  if (targetMs < Date.parse(request.backup.finishedAt)) return undefined;
  let stop: string | undefined;
  let lastCommit: string | undefined;
  await eachEnd(tools, request, (end) => {
    if (end.kind !== 'commit') return;
    lastCommit = end.at;
    // Replay stops before the first commit that is later than the target.
    if (stop === undefined && Date.parse(end.at) > targetMs) stop = end.lsn;
  });
  if (stop === undefined) {
    throw beyondArchive(
      base.requested,
      lastCommit === undefined
        ? 'no commit at all follows the backup in the archived WAL'
        : `the last commit in the archived WAL is of ${lastCommit}`,
    );
  }
  return {
    ...base,
    settings: { recovery_target_time: recoveryTargetTime(time), recovery_target_inclusive: 'on' },
    lsn: stop,
  };
}

async function resolveName(
  tools: PostgresTools,
  base: Base,
  name: string,
  request: ResolveRequest,
): Promise<ResolvedTarget> {
  let lsn: string | undefined;
  await scan(request, (range) =>
    dumpWal(tools, range, ['--rmgr=XLOG'], {
      signal: request.signal,
      allowNothing: true,
      onLine: (line) => {
        const match = /lsn: ([0-9A-F/]+), .*desc: RESTORE_POINT (.*)$/.exec(line);
        if (match?.[2] === name) lsn ??= trimLsn(match[1] ?? '');
      },
    }),
  );
  if (lsn === undefined) throw notBetween(base, request, 'no restore point of that name lies');
  return { ...base, settings: { recovery_target_name: name }, lsn };
}

async function resolveXid(
  tools: PostgresTools,
  base: Base,
  xid: string,
  request: ResolveRequest,
): Promise<ResolvedTarget> {
  const xid32 = Number(BigInt(xid) & 0xffffffffn);
  let lsn: string | undefined;
  await eachEnd(tools, request, (end) => {
    if (end.xid === xid32) lsn ??= end.lsn;
  });
  if (lsn === undefined) throw notBetween(base, request, 'no transaction of that id ended');
  return { ...base, settings: { recovery_target_xid: String(xid32), recovery_target_inclusive: 'on' }, lsn };
}

/** By its LSN: the newest commit of that id, since ids come round again. */
async function resolveBeforeXid(
  tools: PostgresTools,
  base: Base,
  xid: string,
  request: ResolveRequest,
): Promise<ResolvedTarget> {
  const xid32 = Number(BigInt(xid) & 0xffffffffn);
  let lsn: string | undefined;
  await eachEnd(tools, request, (end) => {
    if (end.xid === xid32 && end.kind === 'commit') ({ lsn } = end);
  });
  if (lsn === undefined) throw notBetween(base, request, 'no transaction of that id was committed');
  return { ...base, settings: { recovery_target_lsn: lsn, recovery_target_inclusive: 'off' }, lsn };
}

async function eachEnd(
  tools: PostgresTools,
  request: ResolveRequest,
  onEnd: (end: TransactionEnd) => void,
): Promise<void> {
  await scan(request, (range) =>
    listTransactionEnds(tools, range, { signal: request.signal, allowNothing: true, onEnd }),
  );
}

async function scan({ wal }: ResolveRequest, dump: (range: WalRange) => Promise<unknown>): Promise<void> {
  for (const span of spansBetween(wal.history, wal.from, wal.to, wal.segmentSizeBytes))
    await dump({ walDirectory: wal.directory, segmentSizeBytes: wal.segmentSizeBytes, ...span });
}

/** Where the last complete record in the reachable WAL begins: looked for from the end, a growing number of segments back. */
async function lastRecord(tools: PostgresTools, request: ResolveRequest): Promise<string | undefined> {
  const { wal } = request;
  for (let segments = 1; ; segments *= 4) {
    const wanted = lsnToBigInt(wal.to) - BigInt(segments * wal.segmentSizeBytes);
    const from = wanted > lsnToBigInt(wal.from) ? bigIntToLsn(wanted) : wal.from;
    const last = await lastRecordFrom(tools, { ...request, wal: { ...wal, from } });
    if (last !== undefined) return last;
    if (from !== wal.from) continue;
    // A whole segment without any record is none: taking it for the end of WAL would silently lose all that follows.
    if (compareLsn(wal.to, wal.from) > 0) throw unreadable(wal);
    return undefined;
  }
}

async function lastRecordFrom(tools: PostgresTools, request: ResolveRequest): Promise<string | undefined> {
  let last: string | undefined;
  await scan(request, (range) =>
    dumpWal(tools, range, [], {
      signal: request.signal,
      allowNothing: true,
      onLine: (line) => {
        const lsn = /^rmgr: .*, lsn: ([0-9A-F/]+), prev/.exec(line)?.[1];
        if (lsn !== undefined) last = trimLsn(lsn);
      },
    }),
  );
  return last;
}

function unreadable({ directory, from, to }: ReachableWal): RepositoryError {
  return new RepositoryError({
    what: `The WAL behind the backup in ${directory} cannot be read: there is no valid record from ${from} on, though its segments are there up to ${to}.`,
    means: 'The first of them is damaged or another one; replay cannot get past that place.',
    todo: 'Bring the segment back if another copy exists (the source’s pg_wal, a standby) and take a new full backup now. Target immediate restores the backup without this WAL.',
  });
}

function notBetween(base: Base, { wal }: ResolveRequest, what: string): TargetError {
  return beyondArchive(base.requested, `${what} between ${wal.from} and ${wal.to}`);
}

function beyondArchive(target: string, reason: string): TargetError {
  return new TargetError({
    what: `The target ${target} cannot be reached: ${reason}.`,
    means: 'The repository holds nothing that far; recovery would end before the target.',
    todo: 'Use target latest for all that can be recovered, or choose an earlier target; if the source lives, check that its WAL is archived.',
  });
}
