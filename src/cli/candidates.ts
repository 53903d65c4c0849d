import { type Command, InvalidArgumentError } from 'commander';

import { bySize, defaultLeastRows, describeCandidate, findCandidates, nameOf } from '../candidates/find-candidates.js';
import { clusterOf, type ResolvedCluster } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { listBackups, openRepository } from '../repository/repository.js';
import { readFacts } from '../scenarios/facts.js';
import type { Candidate } from '../schema/candidate.js';
import { bytes, count } from '../schema/figures.js';
import { parseDurationMs } from '../schema/primitives.js';
import { parseTarget, timeTargetMs } from '../schema/target.js';
import { ensurePostgres } from '../toolchain/postgres.js';
import { globalOptions, loadFor } from './context.js';
import { renderTable } from './table.js';
import { print, printJson, say } from './terminal.js';

interface CandidatesOptions {
  since: string;
  until?: string;
  minRows: number;
}

/** `pgdrill candidates CLUSTER`: which transactions took much away, for those who look for the one to stop before. */
export function addCandidates(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('candidates')
    .description('find large deletes, updates, truncates and drops in the archived WAL, to recover to just before one')
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--since <when>', 'committed no longer ago (24h, 7d) or no earlier (a time with its zone)', '24h')
    .option('--until <when>', 'committed no later, given likewise')
    .option('--min-rows <number>', 'rows that a delete or update must have hit', atLeastOne, defaultLeastRows)
    .addHelpText(
      'after',
      '\nExamples:\n  pgdrill candidates shop --since 7d\n  pgdrill recover shop --into DIR --target before-xid=XID',
    )
    .action(async (name: string, options: CandidatesOptions, command: Command) => {
      const now = Date.now();
      const [since, until] = [
        momentOf(options.since, now),
        options.until === undefined ? undefined : momentOf(options.until, now),
      ];
      const { found, endLsn } = await candidatesOf(clusterOf(await loadFor(command), name), {
        ...{ since, until, leastRows: options.minRows },
      });
      if (globalOptions(command).json === true) printJson({ cluster: name, endLsn, candidates: found });
      else print(render(found, endLsn, name));
      exit(exitCodes.done);
    });
}

/** The transactions that took much away in a span of time, the largest first, and where the archive ends. */
export async function candidatesOf(
  cluster: ResolvedCluster,
  search: { since: Date; until?: Date | undefined; leastRows?: number },
): Promise<{ found: Candidate[]; endLsn: string }> {
  const { since, until, leastRows = defaultLeastRows } = search;
  const repository = await openRepository(cluster);
  const newest = (await listBackups(repository)).at(-1);
  const major = newest === undefined ? undefined : Math.floor(newest.serverVersionNumber / 10_000);
  const tools = await ensurePostgres({ progress: say, major });
  const { walDirectory, wal, connection: source } = cluster;
  const { signal } = new AbortController();
  const facts = await readFacts(tools, { repository, walDirectory, wal, signal });
  const found = await findCandidates(tools, {
    ...{ repository, walDirectory, wal, facts, since, until, leastRows, source, signal },
  });
  return { found: bySize(found), endLsn: facts.endLsn };
}

/** A moment, or how long before now. */
function momentOf(text: string, now: number): Date {
  const duration = parseDurationMs(text);
  if (duration !== undefined) return new Date(now - duration);
  const time = parseTarget(`time=${text}`);
  if (typeof time === 'object' && time.kind === 'time') return new Date(timeTargetMs(time.time));
  throw new UsageError({
    what: `"${text}" is neither a duration such as 24h nor a moment with a time zone such as 2026-11-22 02:00:00+00.`,
    means: 'Nothing was looked for.',
    todo: 'Correct it.',
  });
}

function atLeastOne(text: string): number {
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return Number(text);
}

function render(candidates: readonly Candidate[], endLsn: string, cluster: string): string {
  if (candidates.length === 0)
    return `Nothing found in the archived WAL, which ends at ${endLsn}. Widen the search with --since and --min-rows; what was just committed may not be archived yet.`;
  const rows = candidates.flatMap((candidate) =>
    candidate.relations.map((relation, index) => [
      ...(index === 0
        ? [String(candidate.xid), candidate.committedAt, candidate.lsn, candidate.kind]
        : ['', '', '', '']),
      nameOf(relation),
      relation.rows === undefined ? '' : count(relation.rows),
      relation.bytes === undefined ? '' : bytes(relation.bytes),
    ]),
  );
  const [largest] = candidates;
  return [
    renderTable(rows, ['XID', 'COMMITTED', 'LSN', 'WHAT', 'RELATION', 'ROWS', 'PAGES']),
    '',
    `The largest, ${largest === undefined ? '' : describeCandidate(largest)}:`,
    `  pgdrill drill ${cluster} --scenario oops --xid ${largest?.xid ?? ''}`,
    `  pgdrill recover ${cluster} --into DIR --target before-xid=${largest?.xid ?? ''}`,
  ].join('\n');
}
