import { messageOf, RepositoryError, TargetError, ToolchainError } from '../errors.js';
import { compareLsn, lsnDistanceBytes } from '../postgres/lsn.js';
import { isInHistory } from '../postgres/timeline.js';
import { listPastRestores } from '../estimate/past-restores.js';
import { byEnd, chainOf } from '../repository/chains.js';
import { knownReaches } from '../repository/known-reach.js';
import { listBackups, type Repository } from '../repository/repository.js';
import { listWalArchive } from '../repository/wal-archive.js';
import { reachOf } from '../repository/wal-reach.js';
import { type RetentionState, readState } from '../retention/state.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Estimate } from '../schema/estimate.js';
import type { ResolvedTarget } from '../schema/results.js';
import { formatTarget } from '../schema/target.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { chooseLine, type Line } from './choose-line.js';
import { endsBefore, explainGap, type FoundWal } from './explain-gap.js';
import { type Candidate, rankChains } from './fastest-chain.js';
import { fetchBehind, type FetchRequest, newestOnNewestLine } from './fetch-behind.js';
import { type ReachableWal, resolveTarget } from './resolve-target.js';

export interface RestorePlan {
  chain: BackupRecord[];
  target: ResolvedTarget;
  wal: { from: string; to: string; bytes: number };
  /** How long it will take until the server takes writes. */
  estimate: Estimate;
  /** The other chains that reach the target, fastest first. */
  others: Candidate[];
  /** What is wrong in the repository beside this chain, such as a newer chain that is broken. */
  warnings: string[];
}

/**
 * Plans a restore from the repository alone: the chain that reaches the target fastest by estimate (rankChains), and the WAL from there,
 * checked to be without a gap up to the target.
 *
 * @throws RepositoryError when there is no usable chain or WAL is missing; TargetError when the target cannot be reached.
 */
export async function planRestore(tools: PostgresTools, asked: PlanRequest): Promise<RestorePlan> {
  const request = { ...asked, known: knownBy(asked) };
  const backups = await listBackups(request.repository);
  if (backups.length === 0) {
    throw new RepositoryError({
      what: `The repository ${request.repository.path} holds no finished backup.`,
      means: 'There is nothing to restore from.',
      todo: `Take one: pgdrill backup ${request.repository.cluster}`,
    });
  }
  refuseOtherTools(tools, backups);
  const known = backups.filter((backup) => mayUse(request, backup));
  if (known.length === 0) throw noSuchBackup(request);
  let newestFailure: Error | undefined;
  await fetchBehind(tools, request, await newestOnNewestLine(request, known));
  const line = await chooseLine(request, known);
  const { warnings } = line;
  const considered = byEnd(known).filter(({ timeline, endLsn: lsn }) => isInHistory(line.history, { timeline, lsn }));
  for (const backup of considered) {
    try {
      chainOf(backups, backup.id);
    } catch (error) {
      newestFailure ??= error instanceof Error ? error : new Error(String(error)); // an older chain may still do
      warnings.push(messageOf(error));
      continue;
    }
    const wal = await reachableWal(tools, request, line, backup);
    let target: ResolvedTarget | undefined;
    try {
      target = await resolveTarget(tools, { ...request, backup, wal: wal.reachable, now: new Date() });
    } catch (error) {
      const explained = explainGap(error, wal, request.target, await expiredIn(request.repository));
      // A name or a transaction that is not behind this backup may be behind an older one.
      if (!(error instanceof TargetError) || !['name', 'xid', 'before-xid'].includes(request.target.kind))
        throw explained;
      newestFailure ??= explained;
    }
    if (target === undefined) continue;
    if (wal.gap !== undefined && request.target.kind === 'latest') {
      warnings.push(
        `WAL segment ${wal.gap} is missing in ${wal.archive.directory}, though later ones are there: latest ends before it. A newer full backup would not need it.`,
      );
    }
    if (wal.lost !== undefined && request.target.kind === 'latest')
      warnings.push(
        `${endsBefore(wal.lost, wal.reachable.to)} Latest ends there. A newer full backup would not need it.`,
      );
    return { ...(await chooseFastest(tools, request, { backups, backup, target, wal })), warnings };
  }
  if (newestFailure !== undefined) throw newestFailure;
  const oldest = considered.reduce((a, b) => (compareLsn(a.endLsn, b.endLsn) <= 0 ? a : b));
  throw new TargetError({
    what: `The target ${formatTarget(request.target)} lies before the end of the ${request.chain === undefined ? 'oldest backup' : 'backup that was asked for'} (${oldest.id}, consistent from ${oldest.endLsn}, ${oldest.finishedAt}).`,
    means: 'A backup can only be recovered to a point behind its own end.',
    todo:
      ((await expiredIn(request.repository))?.expiredWal.length ?? 0) > 0
        ? 'Choose a later target. Retention has deleted older states on purpose: to keep more from now on, widen the cluster’s retention.'
        : 'Choose a later target. Older states are not in this repository.',
  });
}

export interface PlanRequest extends FetchRequest {
  repository: Repository;
  /** The last backup of the chain that is to be used, whatever another one would take. */
  chain?: string | undefined;
  /** A place that replay has to come by: only backups that end at or before it are used. */
  over?: string | undefined;
}

/** Found out once, where it is needed. */
function knownBy({ repository, source, signal }: PlanRequest): NonNullable<FetchRequest['known']> {
  let known: ReturnType<typeof knownReaches> | undefined;
  return () => (known ??= knownReaches(repository, source, signal));
}

function mayUse({ chain, over }: PlanRequest, { id, endLsn }: BackupRecord): boolean {
  return (chain === undefined || id === chain) && (over === undefined || compareLsn(endLsn, over) <= 0);
}

/**
 * The newest backup before the target needs the least WAL, but another chain may be faster: a full one instead of many incrementals, say.
 *
 * @param found the newest backup, and the target as it was found behind it.
 */
async function chooseFastest(
  tools: PostgresTools,
  request: PlanRequest,
  found: { backups: BackupRecord[]; backup: BackupRecord; target: ResolvedTarget; wal: FoundWal },
): Promise<Omit<RestorePlan, 'warnings'>> {
  const { target, wal, backups } = found;
  const lsn = target.lsn ?? wal.reachable.to;
  const ranked = rankChains(
    backups,
    { lsn, knownFrom: found.backup.endLsn, archive: wal.archive, history: wal.reachable.history },
    await listPastRestores(request.repository),
  );
  for (const candidate of ranked) {
    const last = candidate.chain.at(-1);
    if (last === undefined || !mayUse(request, last)) continue;
    const same = last.id === found.backup.id ? target : await resolveAgain(tools, request, last, found);
    if (same === undefined) continue;
    return {
      chain: candidate.chain,
      target: same,
      wal: walToReplay(last, same, wal.reachable),
      estimate: candidate.estimate,
      others: ranked.filter((each) => each !== candidate),
    };
  }
  throw new RangeError(`backup ${found.backup.id} does not reach what was found behind it`);
}

/**
 * The target as it is found behind another backup. A name or a time can come twice in the WAL, and replay stops at the first: where that is
 * another place, this backup will not do.
 */
async function resolveAgain(
  tools: PostgresTools,
  request: PlanRequest,
  backup: BackupRecord,
  { target, wal }: { target: ResolvedTarget; wal: FoundWal },
): Promise<ResolvedTarget | undefined> {
  const reachable = { ...wal.reachable, from: backup.endLsn };
  try {
    const again = await resolveTarget(tools, { ...request, backup, wal: reachable, now: new Date() });
    return again?.lsn === target.lsn ? again : undefined;
  } catch (error) {
    request.signal.throwIfAborted();
    if (error instanceof TargetError || error instanceof RepositoryError) return undefined;
    throw error;
  }
}

function noSuchBackup({ repository, chain, over }: PlanRequest): RepositoryError {
  if (chain === undefined && over !== undefined) {
    return new RepositoryError({
      what: `The repository ${repository.path} holds no backup that ends before ${over}.`,
      means: 'No restore comes by that place.',
      todo: 'Choose a later one.',
    });
  }
  return new RepositoryError({
    what: `There is no backup ${chain ?? ''} in the repository ${repository.path}.`,
    means: 'A restore from the chain that ends with it is not possible.',
    todo: `Choose one of those that are there: pgdrill backups ${repository.cluster}`,
  });
}

/** pg_waldump finds no record in the WAL of another major version, which would look like the end of the archive. */
function refuseOtherTools(tools: PostgresTools, backups: readonly BackupRecord[]): void {
  const other = backups.find(({ serverVersionNumber }) => Math.floor(serverVersionNumber / 10_000) !== tools.major);
  if (other === undefined) return;
  throw new ToolchainError({
    what: `Backup ${other.id} is of PostgreSQL ${other.serverVersion}, the programs in ${tools.binDirectory} are of ${tools.version}.`,
    means: 'The WAL of one major version cannot be read with the programs of another.',
    todo: 'Install PostgreSQL of the same major version as the cluster, or name it in PGDRILL_PG_BIN.',
  });
}

function walToReplay(backup: BackupRecord, target: ResolvedTarget, wal: ReachableWal): RestorePlan['wal'] {
  const to = target.lsn ?? wal.to;
  return { from: backup.startLsn, to, bytes: lsnDistanceBytes(backup.startLsn, to) };
}

async function reachableWal(
  tools: PostgresTools,
  request: PlanRequest,
  { timeline, history }: Line,
  backup: BackupRecord,
): Promise<FoundWal> {
  const { walDirectory, signal } = request;
  const lost = await fetchBehind(tools, request, backup, timeline);
  const archive = await listWalArchive(walDirectory, backup.walSegmentSizeBytes);
  const { endLsn, gap } = await reachOf(tools, archive, history, backup.endLsn, signal);
  const to = endLsn ?? backup.endLsn;
  return {
    reachable: {
      directory: walDirectory,
      timeline,
      from: backup.endLsn,
      to,
      segmentSizeBytes: backup.walSegmentSizeBytes,
      history,
    },
    archive,
    gap,
    lost: lost !== undefined && compareLsn(to, lost.lsn) < 0 ? lost : undefined,
  };
}

/** What retention has deleted. A restore must not fail over a damaged state: then it only cannot tell. */
async function expiredIn(repository: Repository): Promise<RetentionState | undefined> {
  return await readState(repository).catch(() => undefined);
}
