import { compareLsn } from '../postgres/lsn.js';
import { settingDurationMs } from '../postgres/setting-duration.js';
import type { Source } from '../postgres/source.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { bytes } from '../schema/figures.js';
import { chainOf, newestBackup, newestFull } from './chains.js';
import { firstGap, type WalSummary } from './wal-summaries.js';

/** When a chain is too long or too heavy to go on, though it could. */
export interface ChainPolicy {
  /** Most backups in a chain, its full one included. */
  maxLength: number;
  /** Most that the incrementals may be together, as a multiple of their full backup. */
  maxShare: number;
}

export interface ChainFacts {
  source: Pick<Source, 'timeline' | 'serverVersionNumber' | 'serverVersion' | 'dataChecksums' | 'settings' | 'now'>;
  /** Those behind the parent's start that the server still has; undefined where nobody could look. */
  summaries: readonly WalSummary[] | undefined;
  /** Absent: chains may become as long and as heavy as they like. */
  policy: ChainPolicy | undefined;
}

/** The backup that the next one of a type builds on, should that be safe. */
export function parentOf(type: BackupRecord['type'], backups: readonly BackupRecord[]): BackupRecord | undefined {
  if (type === 'full') return undefined;
  return type === 'differential' ? newestFull(backups) : newestBackup(backups);
}

/**
 * The chain that the next backup goes on with, or why it has to be a full one. Pure: all that it decides by is handed in.
 *
 * @returns no chain for a full; the reason is there where something else was asked for.
 */
export function chooseChain(
  type: BackupRecord['type'],
  backups: readonly BackupRecord[],
  facts: ChainFacts,
): { chain?: BackupRecord[]; fallbackReason?: string | undefined } {
  if (type === 'full') return {};
  const parent = parentOf(type, backups);
  if (parent === undefined) return { fallbackReason: 'there is no backup to build on' };
  const chain = chainOf(backups, parent.id);
  const fallbackReason =
    whyNotSafe(parent, facts) ??
    whyDistrusted(backups, parent) ??
    whySummariesGone(parent, facts) ??
    whyTooMuch(type, backups, chain, facts.policy);
  return fallbackReason === undefined ? { chain } : { fallbackReason };
}

/** What makes a chain that goes on across it unsafe (design, "Traps that are known"). */
function whyNotSafe(parent: BackupRecord, { source }: ChainFacts): string | undefined {
  if (parent.timeline !== source.timeline) {
    return `the cluster was promoted since ${parent.id} (timeline ${parent.timeline} → ${source.timeline}); WAL summaries across a promotion can be wrong`;
  }
  if (parent.serverVersionNumber !== source.serverVersionNumber) {
    return `the server was upgraded since ${parent.id} (${parent.serverVersion} → ${source.serverVersion})`;
  }
  if (parent.dataChecksums !== source.dataChecksums) return `data checksums were switched since ${parent.id}`;
  return undefined;
}

/** After an unsafe incremental the next would most likely be unsafe for the same reason. */
function whyDistrusted(backups: readonly BackupRecord[], parent: BackupRecord): string | undefined {
  const unsafe = backups.find((backup) => backup.unsafe !== undefined && backup.parent === parent.id);
  return unsafe?.unsafe === undefined ? undefined : `${unsafe.id} was found unsafe: ${unsafe.unsafe.join(' ')}`;
}

/**
 * Without the summaries since the parent the server refuses. Those that are older than `wal_summary_keep_time` it may remove at any
 * checkpoint (PostgreSQL source, walsummarizer.c, MaybeRemoveOldWalSummaries), and a backup begins with one.
 */
function whySummariesGone(parent: BackupRecord, { source, summaries }: ChainFacts): string | undefined {
  const keep = source.settings['wal_summary_keep_time'];
  const keepMs = keep === undefined ? undefined : settingDurationMs(keep, 'min');
  if (keepMs !== undefined && keepMs > 0 && Date.parse(source.now) - Date.parse(parent.startedAt) >= keepMs) {
    return `${parent.id} is older than the source keeps WAL summaries (wal_summary_keep_time is ${keep})`;
  }
  const own = (summaries ?? []).filter(({ timeline }) => timeline === source.timeline);
  // What is behind the last one is still to be summarized: the server waits for that.
  const reached = own.reduce((end, { to }) => (compareLsn(to, end) > 0 ? to : end), parent.startLsn);
  const gap = firstGap(own, { from: parent.startLsn, to: reached });
  if (gap === undefined) return undefined;
  return `the source has no WAL summaries from ${gap.from} to ${gap.to} any more, and ${parent.id} begins at ${parent.startLsn} (wal_summary_keep_time is ${keep ?? 'unknown'}; summarize_wal may have been off)`;
}

function whyTooMuch(
  type: BackupRecord['type'],
  backups: readonly BackupRecord[],
  chain: readonly BackupRecord[],
  policy: ChainPolicy | undefined,
): string | undefined {
  const [full, ...later] = chain;
  if (policy === undefined || full === undefined) return undefined;
  if (chain.length + 1 > policy.maxLength) {
    return `the chain of ${full.id} has ${chain.length} ${chain.length === 1 ? 'backup' : 'backups'}, and chain.max_length is ${policy.maxLength}`;
  }
  // A differential holds all that changed since the full: the last one says how much that is by now.
  const last = backups.findLast((each) => each.type === 'differential' && each.parent === full.id);
  const size =
    type === 'differential' ? (last?.sizeBytes ?? 0) : later.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  if (size < policy.maxShare * full.sizeBytes) return undefined;
  const what =
    type === 'differential'
      ? `the last differential on ${full.id} has ${bytes(size)}`
      : `the backups on ${full.id} have ${bytes(size)} together`;
  return `${what}, ${(size / full.sizeBytes).toFixed(2)} times that full one, and chain.max_share is ${policy.maxShare}`;
}
