import { join } from 'node:path';

import { ConfigurationError } from '../errors.js';
import { type Conninfo, parseConninfo } from '../postgres/conninfo.js';
import { type GateRules, gateRulesOf } from '../schema/approvals.js';
import type { BusinessCheck } from '../schema/business-check.js';
import type { ClusterConfiguration } from '../schema/configuration.js';
import { parseBytes, parseDurationMs } from '../schema/primitives.js';
import type { Wal } from '../repository/wal-mode.js';
import type { GateName } from '../schema/workflow-inputs.js';
import { didYouMean } from '../schema/closest.js';
import type { RetentionSettings } from '../retention/settings.js';
import type { LoadedConfiguration } from './load.js';
import { withoutTrailingSlash } from './state-directory.js';

/** One cluster's configuration with every default filled in and every duration a number. */
export interface ResolvedCluster {
  name: string;
  connection: Conninfo;
  /** The connection string as it was written; it holds no password. */
  connectionText: string;
  /** The standby that backups copy; absent: the primary. */
  backupFrom?: Conninfo;
  repository: string;
  /** Where the archived WAL lies; where a command fetches it from an archive, what it has fetched. */
  walDirectory: string;
  /** How WAL comes into the repository. */
  wal: Wal;
  /** True where the WAL archive is the repository's own, which pgdrill sets up; false for one that existed before. */
  ownWalDirectory: boolean;
  /** When the next backup is a full one, though the chain could go on. */
  chain: { maxLength: number; maxShare: number };
  /** Where drills restore to. */
  sandboxDirectory: string;
  sandboxSettings: Readonly<Record<string, string>>;
  gates: readonly GateName[];
  gateTimeoutMs: number;
  /** What an answer at a gate needs; nothing at those that are absent. */
  gateRules: GateRules;
  /** Whose keys count where approvals have to be signed. */
  allowedSigners?: string;
  archiveTimeoutMs: number;
  objectives: Objectives;
  fingerprint: {
    connections: number;
    snapshotTimeoutMs: number;
    statementTimeoutMs?: number;
    /** What of the content is compared; everything where absent. */
    policy?: { exclude: string[]; sample?: { percent: number; seed: number } };
  };
  checks: readonly BusinessCheck[];
  verify: { cron?: string; maxRateBytes: number };
  /** What may be deleted, and when; absent where nothing ever is. */
  retention?: RetentionSettings;
}

/** What the cluster must meet: in seconds, and as it was written. Absent where nothing was demanded. */
export interface Objectives {
  rtoSeconds?: number;
  rto?: string;
  rpoSeconds?: number;
  rpo?: string;
  provenWithinSeconds?: number;
  provenWithin?: string;
}

/**
 * Looks a cluster up by its name.
 *
 * @throws ConfigurationError that lists the clusters that exist.
 */
export function clusterOf(loaded: LoadedConfiguration, name: string): ResolvedCluster {
  const { clusters } = loaded.configuration;
  const cluster = Object.hasOwn(clusters, name) ? clusters[name] : undefined;
  if (cluster === undefined) {
    const known = Object.keys(clusters);
    throw new ConfigurationError({
      what: `There is no cluster "${name}" in ${loaded.path}.${didYouMean(name, known)}`,
      means: `It knows ${known.length === 1 ? 'only' : 'these'}: ${known.join(', ')}.`,
      todo: 'Name one of them, or add the cluster to the file.',
    });
  }
  const repository = withoutTrailingSlash(cluster.repository);
  const { rto, rpo, proven_within: provenWithin } = cluster.objectives;
  return {
    name,
    connection: parseConninfo(cluster.connection),
    connectionText: cluster.connection,
    ...(cluster.backup_from === undefined ? {} : { backupFrom: parseConninfo(cluster.backup_from) }),
    repository,
    walDirectory: withoutTrailingSlash(
      cluster.wal.directory ?? join(repository, cluster.wal.mode === 'command' ? 'fetched-wal' : 'wal'),
    ),
    wal: resolveWal(cluster.wal, name),
    ownWalDirectory: cluster.wal.directory === undefined && cluster.wal.mode !== 'command',
    chain: { maxLength: cluster.chain.max_length, maxShare: cluster.chain.max_share },
    sandboxDirectory: withoutTrailingSlash(cluster.sandbox.directory ?? join(loaded.stateDirectory, 'sandboxes')),
    sandboxSettings: cluster.sandbox.settings,
    gates: cluster.gates,
    gateTimeoutMs: durationMs(cluster.gate_timeout),
    gateRules: gateRulesOf(cluster.approvals),
    ...(cluster.approvals.allowed_signers === undefined ? {} : { allowedSigners: cluster.approvals.allowed_signers }),
    archiveTimeoutMs: durationMs(cluster.archive_timeout),
    objectives: {
      ...(rto === undefined ? {} : { rto, rtoSeconds: durationMs(rto) / 1_000 }),
      ...(rpo === undefined ? {} : { rpo, rpoSeconds: durationMs(rpo) / 1_000 }),
      ...(provenWithin === undefined ? {} : { provenWithin, provenWithinSeconds: durationMs(provenWithin) / 1_000 }),
    },
    fingerprint: resolveFingerprint(cluster.fingerprint),
    verify: {
      ...(cluster.verify.cron === undefined ? {} : { cron: cluster.verify.cron }),
      maxRateBytes: parseBytes(cluster.verify.max_rate) ?? Infinity,
    },
    checks: Object.entries(cluster.checks).map(([check, configured]) => ({ name: check, ...configured })),
    ...resolveRetention(cluster),
  };
}

function resolveWal(wal: ClusterConfiguration['wal'], cluster: string): Wal {
  if (wal.mode === 'archive') return { mode: 'archive' };
  if (wal.mode === 'command') return { mode: 'command', restoreCommand: wal.restore_command ?? '' };
  const slot = wal.slot ?? `pgdrill_${cluster.replaceAll('-', '_')}`;
  return { mode: 'stream', slot, synchronous: wal.synchronous, compression: wal.compression };
}

function resolveFingerprint(fingerprint: ClusterConfiguration['fingerprint']): ResolvedCluster['fingerprint'] {
  const { connections, snapshot_timeout, statement_timeout, exclude, scope, sample } = fingerprint;
  return {
    connections,
    snapshotTimeoutMs: durationMs(snapshot_timeout),
    ...(statement_timeout === undefined ? {} : { statementTimeoutMs: durationMs(statement_timeout) }),
    ...(exclude.length === 0 && scope === 'full'
      ? {}
      : { policy: { exclude, ...(scope === 'sample' ? { sample } : {}) } }),
  };
}

function resolveRetention({ retention, policies }: ClusterConfiguration): Pick<ResolvedCluster, 'retention'> {
  if (retention === undefined) return {};
  return {
    retention: {
      windowMs: durationMs(retention.window),
      keepUnscheduledMs: durationMs(retention.keep_unscheduled),
      minFulls: retention.min_fulls,
      minimumProven: retention.minimum_proven,
      graceMs: durationMs(retention.grace),
      maxPauseMs: durationMs(retention.max_pause),
      policyKeepMs: Object.fromEntries(Object.entries(policies).map(([name, { keep }]) => [name, durationMs(keep)])),
    },
  };
}

/** The schema has let only durations through. */
function durationMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new TypeError(`not a duration: ${text}`);
  return ms;
}
