import { codeOf } from '../errors.js';
import type { Connection } from '../postgres/connection.js';
import { compareLsn } from '../postgres/lsn.js';
import { type ForkId, keyOfFork } from './relation-files.js';

export interface LsnRange {
  from: string;
  to: string;
}

export interface WalSummary extends LsnRange {
  timeline: number;
}

/** The WAL summaries that the server still has and that overlap a range, of all timelines. */
export async function listWalSummaries(client: Connection, range: LsnRange): Promise<WalSummary[]> {
  const { rows } = await client.query<WalSummary>(
    `
    select tli::int as timeline, start_lsn::text as "from", end_lsn::text as "to"
    from pg_available_wal_summaries()
    where start_lsn < $2::pg_lsn and end_lsn > $1::pg_lsn
    order by start_lsn, end_lsn
    `,
    [range.from, range.to],
  );
  return rows;
}

/**
 * The summaries that the server has behind the start of the backup that is to be built on.
 *
 * @returns undefined where there is no such backup, where nothing is summarized, or where our role may not look: the server itself
 *   refuses then.
 */
export async function summariesSince(
  client: Connection,
  parent: { startLsn: string } | undefined,
): Promise<WalSummary[] | undefined> {
  if (parent === undefined) return undefined;
  const { rows } = await client.query<{ on: boolean }>(`select current_setting('summarize_wal')::boolean as on`);
  if (rows[0]?.on !== true) return undefined;
  try {
    return await listWalSummaries(client, { from: parent.startLsn, to: 'FFFFFFFF/FFFFFFFF' });
  } catch (error) {
    if (codeOf(error) === '42501') return undefined;
    throw error;
  }
}

/** The first stretch of a range that no summary covers; undefined where there is none. */
export function firstGap(summaries: readonly LsnRange[], range: LsnRange): LsnRange | undefined {
  let reached = range.from;
  for (const summary of [...summaries].sort((a, b) => compareLsn(a.from, b.from))) {
    if (compareLsn(reached, range.to) >= 0) break;
    if (compareLsn(summary.from, reached) > 0) return { from: reached, to: summary.from };
    if (compareLsn(summary.to, reached) > 0) reached = summary.to;
  }
  return compareLsn(reached, range.to) < 0 ? { from: reached, to: range.to } : undefined;
}

/** A relation fork that was cut, and the least number of blocks that it ever had in the range ("limit block"). */
export interface Truncation extends ForkId {
  limitBlocks: number;
}

/**
 * Which relation forks were truncated, but not to nothing, in the given summaries. A limit of 0 (created, dropped, TRUNCATE) makes the
 * server copy the file whole, which is always right.
 */
export async function readTruncations(client: Connection, summaries: readonly WalSummary[]): Promise<Truncation[]> {
  const { rows } = await client.query<Truncation>(
    `
    select
      c.reltablespace::int8::float8 as tablespace,
      c.reldatabase::int8::float8 as database,
      c.relfilenode::int8::float8 as filenode,
      ${forkName} as fork,
      min(c.relblocknumber)::float8 as "limitBlocks"
    from
      ${summariesGiven},
      lateral pg_wal_summary_contents(s.tli, s.start_lsn, s.end_lsn) as c
    where c.is_limit_block and c.relfilenode <> 0
    group by c.reltablespace, c.reldatabase, c.relfilenode, c.relforknumber
    having min(c.relblocknumber) > 0
    `,
    summaryParameters(summaries),
  );
  return rows;
}

/**
 * The blocks of some forks that were written since they were last truncated: what a merge of the summaries *in the order of the WAL* gives.
 * The server merges them in the order of readdir (basebackup_incremental.c), which is where blocks get lost.
 *
 * @param above only blocks at or above this number are read, per fork.
 */
export async function readWrittenBlocks(
  client: Connection,
  summaries: readonly WalSummary[],
  above: readonly { fork: ForkId; block: number }[],
): Promise<Map<string, Set<number>>> {
  const { rows } = await client.query<ForkId & { block: number; limit: boolean }>(
    `
    select
      c.reltablespace::int8::float8 as tablespace,
      c.reldatabase::int8::float8 as database,
      c.relfilenode::int8::float8 as filenode,
      wanted.fork as fork,
      c.relblocknumber::float8 as block,
      c.is_limit_block as "limit"
    from
      ${summariesGiven},
      lateral pg_wal_summary_contents(s.tli, s.start_lsn, s.end_lsn) as c
      join unnest($4::oid[], $5::oid[], $6::oid[], $7::text[], $8::int8[])
        as wanted (tablespace, database, filenode, fork, block)
        on wanted.tablespace = c.reltablespace
        and wanted.database = c.reldatabase
        and wanted.filenode = c.relfilenode
        and wanted.fork = ${forkName}
    where c.is_limit_block or c.relblocknumber >= wanted.block
    order by s.start_lsn, s.tli, c.is_limit_block desc
    `,
    [
      ...summaryParameters(summaries),
      above.map(({ fork }) => fork.tablespace),
      above.map(({ fork }) => fork.database),
      above.map(({ fork }) => fork.filenode),
      above.map(({ fork }) => fork.fork),
      above.map(({ block }) => block),
    ],
  );
  const written = new Map<string, Set<number>>();
  for (const { block, limit, ...fork } of rows) {
    const key = keyOfFork(fork);
    const blocks = written.get(key) ?? new Set();
    written.set(key, blocks);
    if (!limit) blocks.add(block);
    else for (const each of blocks) if (each >= block) blocks.delete(each);
  }
  return written;
}

const forkName = `case c.relforknumber when 0 then 'main' when 2 then 'vm' else 'init' end`;

const summariesGiven = `unnest($1::int8[], $2::pg_lsn[], $3::pg_lsn[]) as s (tli, start_lsn, end_lsn)`;

function summaryParameters(summaries: readonly WalSummary[]): unknown[] {
  return [summaries.map(({ timeline }) => timeline), summaries.map(({ from }) => from), summaries.map(({ to }) => to)];
}
