import type { Command } from 'commander';

import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, messageOf, RepositoryError, TargetError, UsageError } from '../errors.js';
import { listPastRestores } from '../estimate/past-restores.js';
import { type TrackRecord, trackRecordOf } from '../estimate/track-record.js';
import { lastCommitIn } from '../restore/last-commit.js';
import { planRestore, type RestorePlan } from '../restore/plan.js';
import { type RecoverableRange, recoverableRanges } from '../restore/recoverable.js';
import { newestBackup } from '../repository/chains.js';
import { fetchWal } from '../repository/fetch-wal.js';
import { knownReaches } from '../repository/known-reach.js';
import { listBackups, openRepository } from '../repository/repository.js';
import { bytes, seconds } from '../schema/figures.js';
import { parseTarget } from '../schema/target.js';
import { recoveryTargetForms } from '../schema/vocabulary.js';
import { ensurePostgres } from '../toolchain/postgres.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { renderTable } from './table.js';
import { colors, print, printJson, say } from './terminal.js';

type ShownRange = RecoverableRange & { lastCommitAt?: string };

export async function plan(name: string, options: { target: string }, command: Command): Promise<ExitCode> {
  const cluster = clusterOf(await loadFor(command), name);
  const target = parseTarget(options.target);
  if (typeof target === 'string' || target.kind === 'fence') {
    throw new UsageError({
      what: typeof target === 'string' ? target : 'A fence exists only in a drill, which takes it.',
      means: 'Nothing was planned.',
      todo: `Targets are: ${recoveryTargetForms}.`,
    });
  }
  const repository = await openRepository(cluster);
  const backups = await listBackups(repository);
  const newest = backups.at(-1);
  const major = newest === undefined ? undefined : Math.floor(newest.serverVersionNumber / 10_000);
  const tools = await ensurePostgres({ progress: say, major });
  const { walDirectory, wal: mode } = cluster;
  const { signal } = new AbortController();
  const fetchedFrom = mode.mode === 'command' ? newestBackup(backups) : undefined;
  if (fetchedFrom !== undefined) {
    const { timeline, endLsn: lsn, walSegmentSizeBytes: segmentSizeBytes } = fetchedFrom;
    const known = () => knownReaches(repository, cluster.connection, signal);
    await fetchWal(mode, { walDirectory, segmentSizeBytes, from: { timeline, lsn }, known }, signal);
    say(
      `The archive is reached by a command and cannot be listed: WAL before backup ${fetchedFrom.id} was not looked at.`,
    );
  }
  const ranges: ShownRange[] = [];
  for (const range of await recoverableRanges(tools, backups, walDirectory, signal)) {
    const wal = { directory: walDirectory, segmentSizeBytes: newest?.walSegmentSizeBytes ?? 0 };
    const lastCommitAt = await lastCommitIn(tools, range, wal, signal);
    ranges.push({ ...range, ...(lastCommitAt === undefined ? {} : { lastCommitAt }) });
  }
  const asJson = globalOptions(command).json === true;
  try {
    const plan = await planRestore(tools, {
      repository,
      walDirectory,
      wal: mode,
      target,
      fence: undefined,
      source: cluster.connection,
      signal,
    });
    const record = trackRecordOf((await listPastRestores(repository)).estimates);
    if (asJson) printJson(toJson(name, plan, record, ranges));
    else print(`${renderPlan(plan, record)}\n\n${renderRanges(ranges)}`);
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof RepositoryError || error instanceof TargetError)) throw error;
    // What can be reached instead is what the reader needs now.
    if (ranges.length > 0) say(`${renderRanges(ranges)}\n`);
    if (!asJson) throw error;
    say(`${colors.red(error.name)}: ${messageOf(error)}`);
    printJson({ cluster: name, recoverable: ranges, error: { type: error.name, message: messageOf(error) } });
    return error.exitCode;
  }
}

function toJson(cluster: string, plan: RestorePlan, record: TrackRecord, ranges: readonly ShownRange[]): unknown {
  const links = (chain: RestorePlan['chain']): unknown =>
    chain.map(({ id, type, startLsn, endLsn, sizeBytes }) => ({ id, type, startLsn, endLsn, sizeBytes }));
  const { chain, target, wal, estimate, others, warnings } = plan;
  return {
    ...{ cluster, target, chain: links(chain), wal, estimate, pastEstimates: record },
    others: others.map((other) => ({ chain: links(other.chain), seconds: other.estimate.seconds })),
    ...{ warnings, recoverable: ranges },
  };
}

/** So many other chains are shown: the rest would be no help. */
const mostOthers = 5;

/** A plan as people read it. */
export function renderPlan(
  { chain, target, wal, estimate, others, warnings }: RestorePlan,
  record: TrackRecord,
): string {
  const sections: string[] = [];
  const section = (title: string, rows: string[][]): void => {
    if (rows.length > 0) sections.push(`${colors.bold(title)}\n${renderTable(rows, undefined, { indent: 2 })}`);
  };
  section(
    'Chain',
    chain.map(({ id, type, startLsn, endLsn, sizeBytes }) => [id, type, `${startLsn} → ${endLsn}`, bytes(sizeBytes)]),
  );
  section('WAL to replay', [[bytes(wal.bytes), `${wal.from} → ${wal.to}`, `timeline ${target.timeline}`]]);
  section('Stops at', [[target.requested, target.lsn ?? '', settingsOf(target.settings)]]);
  section('Estimate', [
    ...estimate.phases.map(({ name, seconds: value, bytes: size, guess }) => [
      name,
      seconds(value),
      size === undefined ? '' : bytes(size),
      guess ? colors.yellow('a guess') : '',
    ]),
    [colors.bold('until it takes writes'), colors.bold(seconds(estimate.seconds)), '', ''],
  ]);
  sections.push(`  ${estimate.basis.charAt(0).toUpperCase()}${estimate.basis.slice(1)}.\n  ${record.summary}`);
  section(
    'Other chains that reach it',
    others
      .slice(0, mostOthers)
      .map(({ chain: other, estimate: its }) => [other.map(({ id }) => id).join(' + '), seconds(its.seconds)]),
  );
  for (const warning of warnings) sections.push(`${colors.yellow('warning')}: ${warning}`);
  return sections.join('\n\n');
}

function settingsOf(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${value}'`)
    .join(', ');
}

function renderRanges(ranges: readonly ShownRange[]): string {
  const rows = ranges.map(({ timeline, from, fromTime, to, lastCommitAt, gap, abandonedFrom }) => [
    String(timeline),
    `${from}${fromTime === undefined ? ' (the timeline begins)' : ` (${fromTime})`}`,
    `${to}${lastCommitAt === undefined ? '' : ` (last commit ${lastCommitAt})`}`,
    [
      ...(abandonedFrom === undefined
        ? []
        : [`behind ${abandonedFrom} left behind by a failover: add ,timeline=${timeline}`]),
      ...(gap === undefined ? [] : [colors.yellow(`then segment ${gap} is missing`)]),
    ].join('; '),
  ]);
  return `${colors.bold('What can be restored')}\n${renderTable(rows, ['TIMELINE', 'EARLIEST', 'LATEST', ''], { indent: 2 })}`;
}
