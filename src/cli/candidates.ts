import type { Command } from 'commander';

import { bySize, describeCandidate, findCandidates, nameOf } from '../candidates/find-candidates.js';
import { defaultLeastRows } from '../schema/vocabulary.js';
import { clusterOf, type ResolvedCluster } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { listBackups, openRepository } from '../repository/repository.js';
import { readFacts } from '../scenarios/facts.js';
import type { Candidate } from '../schema/candidate.js';
import { bytes, count } from '../schema/figures.js';
import { parseDurationMs } from '../schema/primitives.js';
import { parseTarget, timeTargetMs } from '../schema/target.js';
import { ensurePostgres } from '../toolchain/postgres.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { renderTable } from './table.js';
import { print, printJson, say } from './terminal.js';

interface CandidatesOptions {
  since: string;
  until?: string;
  minRows: number;
}

export async function candidates(name: string, options: CandidatesOptions, command: Command): Promise<ExitCode> {
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
  return exitCodes.done;
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
