import type { Connection } from '../../postgres/connection.js';
import { rowHash } from '../content/column-hash.js';
import type { DifferingRange } from './differing-ranges.js';
import type { Relation } from '../content/list-relations.js';
import { type BlockRange, inRange } from '../content/ranges.js';
import { parseSnapshot } from '../fence/snapshot.js';

/** 8 MB: some ten thousand rows to hold in memory at a time. */
const blocksAtATime = 1_024;

export interface Side {
  client: Connection;
  relation: Relation;
}

export interface RowDifferences {
  /** ctids, the first ones found, at most as many as asked for. */
  missing: string[];
  different: string[];
  extra: string[];
  /** How many there are in what was looked at. */
  found: number;
  /** Rows that the source had at the fence and that were changed or deleted there since. */
  movedOn: bigint;
  /** False where time ran out before all ranges were looked at. */
  complete: boolean;
}

/**
 * Compares, row by row, what the sandbox holds with what the source holds *now*, in the ranges that differ.
 *
 * A row of the source that is older than everything the fence's snapshot was unsure of, and still there, was there at the fence; and
 * a physical restore must have it at the same place with the same hash. `pg_visible_in_snapshot` would let in more rows, but
 * answers wrongly for subtransactions (manual, "Transaction ID and Snapshot Information Functions"), so only what is older than the
 * snapshot's xmin counts. xmin has 32 bits: taken for the youngest transaction that it can be, a frozen row of an earlier round of the
 * counter is at worst not compared.
 *
 * A row that only the sandbox has is called extra where the source still has every row that it had in this range at the fence.
 * Both sides are to be in a repeatable read transaction: counts and rows must be of one moment.
 *
 * @param deadline by performance.now().
 */
export async function lookAgain(
  source: Side,
  restored: Side,
  request: { snapshot: string; ranges: readonly DifferingRange[]; most: number; deadline: number },
): Promise<RowDifferences> {
  const answer: RowDifferences = { missing: [], different: [], extra: [], found: 0, movedOn: 0n, complete: true };
  const old = olderThan(request.snapshot);
  const end = Math.max(await blocksOf(source), await blocksOf(restored));
  for (const range of request.ranges) {
    const onlyRestored: string[] = [];
    let comparable = 0n;
    for (let from = range.from; from < (range.to ?? end); from += blocksAtATime) {
      if (performance.now() > request.deadline) return { ...answer, complete: false };
      const chunk = { from, to: Math.min(from + blocksAtATime, range.to ?? end) };
      const [before, after] = await Promise.all([summarize(source, chunk, old), summarize(restored, chunk, 'false')]);
      comparable += before.comparable;
      if (before.rows === after.rows && before.hash === after.hash) continue;
      const [rows, others] = await Promise.all([readRows(source, chunk, old), readRows(restored, chunk, 'true')]);
      for (const [place, { hash, comparable: certain }] of rows) {
        const other = others.get(place);
        others.delete(place);
        if (!certain && other !== undefined) onlyRestored.push(place);
        if (!certain || other?.hash === hash) continue;
        note(answer, other === undefined ? 'missing' : 'different', place, request.most);
      }
      onlyRestored.push(...others.keys());
    }
    answer.movedOn += range.sourceRows - comparable;
    if (range.sourceRows === comparable) for (const place of onlyRestored) note(answer, 'extra', place, request.most);
  }
  return answer;
}

function note(answer: RowDifferences, kind: 'missing' | 'different' | 'extra', place: string, most: number): void {
  const named = answer.missing.length + answer.different.length + answer.extra.length;
  if (named < most) answer[kind].push(place);
  answer.found += 1;
}

/** SQL: whether a row of `r` was certainly committed before the snapshot. */
function olderThan(snapshot: string): string {
  const { xmin } = parseSnapshot(snapshot);
  const own = `r.xmin::text::bigint`;
  // The xid's distance into the past from the next one, in 32 bits; 1 and 2 are the bootstrap and the frozen transaction.
  const age = `(((select pg_snapshot_xmax(pg_current_snapshot())::text::bigint) - ${own}) & 4294967295)`;
  return `(${own} in (1, 2) or (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint) - ${age} < ${xmin})`;
}

async function blocksOf({ client, relation }: Side): Promise<number> {
  const { rows } = await client.query<{ blocks: number }>(
    `select (pg_relation_size($1::oid) / current_setting('block_size')::int)::float8 as blocks`,
    [relation.oid],
  );
  return rows[0]?.blocks ?? 0;
}

async function summarize(
  side: Side,
  chunk: BlockRange,
  comparable: string,
): Promise<{ rows: string; hash: string; comparable: bigint }> {
  const { rows } = await side.client.query<{ rows: string; hash: string; comparable: string }>(
    `
    select
      count(*)::text as rows,
      coalesce(sum(${rowHash(side.relation.expressions)}), 0)::text as hash,
      count(*) filter (where ${comparable})::text as comparable
    ${rowsIn(side, chunk)}
    `,
  );
  const row = rows[0] ?? { rows: '0', hash: '0', comparable: '0' };
  return { ...row, comparable: BigInt(row.comparable) };
}

async function readRows(
  side: Side,
  chunk: BlockRange,
  comparable: string,
): Promise<Map<string, { hash: string; comparable: boolean }>> {
  const { rows } = await side.client.query<{ place: string; hash: string; comparable: boolean }>(
    `
    select r.ctid::text as place, ${rowHash(side.relation.expressions)}::text as hash, ${comparable} as comparable
    ${rowsIn(side, chunk)}
    order by r.ctid
    `,
  );
  return new Map(rows.map(({ place, ...row }) => [place, row]));
}

function rowsIn({ client, relation: { schema, name } }: Side, chunk: BlockRange): string {
  return `from only ${client.escapeIdentifier(schema)}.${client.escapeIdentifier(name)} as r where ${inRange(chunk)}`;
}
