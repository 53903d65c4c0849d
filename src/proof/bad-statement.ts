import { describeCandidate, nameOf } from '../candidates/find-candidates.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import type { Candidate, HitRelation } from '../schema/candidate.js';
import { bytes } from '../schema/figures.js';
import type { Check } from '../schema/results.js';

/**
 * Whether a restore stopped before a bad statement: its transaction did not commit here, and every table that it hit is there, in the file
 * that it had, with at least the rows that it took. Of what was dropped or truncated the WAL does not tell how many that were: then there have
 * to be some, and a table that is empty is unproven.
 */
export async function checkBadStatement(
  statement: Candidate,
  connection: Conninfo,
  signal: AbortSignal,
): Promise<Check> {
  const started = performance.now();
  const problems: Check['problems'] = [];
  const doubts: Check['problems'] = [];
  const databases = await withConnection(
    connection,
    async (client) => {
      const status = await statusOf(client, statement.xid);
      if (status === 'committed')
        problems.push({ object: `transaction ${statement.xid}`, detail: 'it is committed in what was restored' });
      const { rows } = await client.query<{ oid: number; name: string }>(
        `select oid, datname as name from pg_database`,
      );
      return new Map(rows.map(({ oid, name }) => [oid, name]));
    },
    { signal },
  );
  let rowsThere = 0;
  for (const relation of statement.relations) {
    const database = databases.get(relation.database);
    if (database === undefined) {
      problems.push({ object: nameOf(relation), detail: 'its database is not there' });
      continue;
    }
    if (statement.kind === 'drop database') continue;
    const found = await withConnection(connection, (client) => countRows(client, relation), {
      overrides: { dbname: database },
      signal,
    });
    if (found === undefined) problems.push({ object: nameOf(relation), detail: 'it is not there' });
    else if (found < BigInt(relation.rows ?? 0))
      problems.push({
        object: nameOf(relation),
        detail: `it has ${found} rows, fewer than the ${relation.rows ?? 0} that were hit`,
      });
    else if (found === 0n && (relation.bytes ?? 0) > 0)
      doubts.push({
        object: nameOf(relation),
        detail: `it is empty, and had ${bytes(relation.bytes ?? 0)} in the newest full backup before: whether the statement found rows in it, the WAL does not tell`,
      });
    else rowsThere += Number(found);
  }
  const what = `Transaction ${statement.xid} (${describeCandidate(statement)})`;
  return {
    name: 'bad statement',
    status: problems.length > 0 ? 'failed' : doubts.length > 0 ? 'unproven' : 'passed',
    summary:
      problems.length === 0
        ? `${what} is not in what was restored, and what it hit is there${doubts.length === 0 ? '' : `, of which ${doubts.length} without any row`}${rowsThere === 0 ? '' : `, with ${rowsThere} rows`}.`
        : `${what} is not undone.`,
    figures: { relations: statement.relations.length, rows: rowsThere },
    problems: [...problems, ...doubts],
    seconds: (performance.now() - started) / 1_000,
  };
}

/**
 * @param xid 32 bits: the newest transaction of that id that is not in the future.
 * @returns null where there is none, or where it is too old to be known.
 */
async function statusOf(client: Connection, xid: number): Promise<string | null> {
  const { rows } = await client.query<{ status: string | null }>(
    `with next as (select pg_snapshot_xmax(pg_current_snapshot())::text::numeric as xid),
          this_round as (select trunc(xid / 4294967296) * 4294967296 + $1::numeric as own, xid as next from next),
          wide as (select case when own >= next then own - 4294967296 else own end as own from this_round)
     select case when own > 0 then pg_xact_status(own::text::xid8) end as status from wide`,
    [xid],
  );
  return rows[0]?.status ?? null;
}

/** @returns undefined where no relation has that file. */
async function countRows(client: Connection, { tablespace, filenode }: HitRelation): Promise<bigint | undefined> {
  const { rows: found } = await client.query<{ relation: string }>(
    `select c.oid::regclass::text as relation
       from pg_class c
      where c.oid = pg_filenode_relation($1, $2) and c.relkind in ('r', 'm')`,
    [tablespace, filenode],
  );
  const relation = found[0]?.relation;
  if (relation === undefined) return undefined;
  const { rows } = await client.query<{ rows: string }>(`select count(*)::text as rows from only ${relation}`);
  return BigInt(rows[0]?.rows ?? 0);
}
