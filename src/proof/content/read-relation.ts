import { codeOf, messageOf } from '../../errors.js';
import type { Connection } from '../../postgres/connection.js';
import { changeSince } from './change-since.js';
import { rowHash } from './column-hash.js';
import type { RelationFingerprint, UnloggedTable } from '../fingerprint-schema.js';
import type { Relation } from './list-relations.js';
import { type BlockRange, inRange } from './ranges.js';
import { beginReading } from '../reading-session.js';

/** The heap itself is to be read, not what an index says about it. Only here: the catalogs are better read by their indexes. */
const heapOnly = ['enable_indexscan', 'enable_indexonlyscan', 'enable_bitmapscan'].map(
  (name) => `set local ${name} = off`,
);

export interface RangeReading {
  rows: bigint;
  hash: bigint;
}

/** Why the content of a relation at the snapshot could not be had. */
export type ReadingProblem = Pick<RelationFingerprint, 'changed' | 'unreadable'>;

/** Not an SQLSTATE: nothing was wrong with the relation. */
export const snapshotTooOld = 'SNAPSHOT_TIMEOUT';

const tooLate: ReadingProblem = {
  unreadable: { code: snapshotTooOld, message: 'the snapshot had reached its longest age before all of it was read' },
};

export interface PartOptions {
  snapshot?: string | undefined;
  /** Milliseconds for one statement; no limit by default. */
  statementTimeoutMs?: number | undefined;
  /** When the snapshot is to be let go, by performance.now(). */
  deadline?: number | undefined;
}

/**
 * Reads a relation, or some of its ranges of blocks, in a transaction of its own, and then looks whether it still was what the
 * snapshot says.
 *
 * The transaction is short on purpose, and nothing is locked beforehand (pg_dump locks every table up front and keeps
 * all locks to its end): on a production server one ALTER TABLE that waits for our ACCESS SHARE lock makes every later
 * query on its table wait as well. The price is that DDL may come before our turn. That is found out and said.
 *
 * @param read does the reading, between begin and commit.
 * @returns what `read` answers, or why it could not be had.
 * @throws only where nothing can be read any more: the connection or the snapshot is gone.
 */
export async function readPart<T extends object>(
  client: Connection,
  relation: Relation,
  options: PartOptions,
  read: () => Promise<T>,
): Promise<T | ReadingProblem> {
  let content: T;
  const leftMs = (options.deadline ?? Infinity) - performance.now();
  if (leftMs <= 0) return tooLate;
  const timeoutMs = Math.min(options.statementTimeoutMs ?? Infinity, leftMs);
  await beginReading(client, options.snapshot, [
    `set local statement_timeout = ${Number.isFinite(timeoutMs) ? Math.ceil(timeoutMs) : 0}`,
    ...heapOnly,
  ]);
  try {
    content = await read();
    await client.query('commit');
  } catch (error) {
    const code = concernsOneRelation(error);
    await client.query('rollback');
    if (code === '57014' && performance.now() >= (options.deadline ?? Infinity)) return tooLate;
    const changed = await changeSince(client, relation);
    return changed === undefined ? { unreadable: { code, message: messageOf(error) } } : { changed };
  }
  // Only afterwards: whatever had happened before the table was read is seen now. What comes in between is at worst a false alarm.
  const changed = await changeSince(client, relation);
  return changed === undefined ? content : { changed };
}

/** Counts and hashes the rows of one range of blocks, or of the whole relation. */
export async function readRange(client: Connection, relation: Relation, range?: BlockRange): Promise<RangeReading> {
  // For a range the planner must take the TID range scan, whatever it believes about a table that was never analyzed.
  await client.query(`set local enable_seqscan = ${range === undefined ? 'on' : 'off'}`);
  const { rows } = await client.query<{ rows: string; hash: string }>(
    `
    select count(*)::text as rows, coalesce(sum(${rowHash(relation.expressions)}), 0)::text as hash
    from only ${qualified(client, relation)} as r
    ${range === undefined ? '' : `where ${inRange(range)}`}
    `,
  );
  return { rows: BigInt(rows[0]?.rows ?? 0), hash: BigInt(rows[0]?.hash ?? 0) };
}

/**
 * The real size of a relation, which the catalog's estimates know only as of the last VACUUM or ANALYZE. Waits for the lock that
 * reading needs anyway, and no longer.
 */
export async function readSize(client: Connection, relation: Relation): Promise<{ blocks: number; sizeBytes: number }> {
  const { rows } = await client.query<{ blocks: number; sizeBytes: number }>(
    `
    select
      coalesce(pg_relation_size($1::oid) / current_setting('block_size')::int, 0)::float8 as blocks,
      coalesce(pg_table_size($1::oid), 0)::float8 as "sizeBytes"
    `,
    [relation.oid],
  );
  return rows[0] ?? { blocks: 0, sizeBytes: 0 };
}

/**
 * Looks into an unlogged table of the sandbox, of which recovery must have left nothing but the table itself.
 */
export async function readUnlogged(client: Connection, relation: Relation): Promise<UnloggedTable> {
  const { schema, name } = relation;
  try {
    const { rows } = await client.query<{ empty: boolean }>(
      `select not exists (select from only ${qualified(client, relation)}) as empty`,
    );
    return { schema, name, empty: rows[0]?.empty ?? false };
  } catch (error) {
    concernsOneRelation(error);
    return { schema, name, unreadable: messageOf(error) };
  }
}

/** The SQLSTATE of an error that says something about this relation only; any other is thrown on. */
function concernsOneRelation(error: unknown): string {
  const code = codeOf(error) ?? '';
  // Class 08 and 57P: the connection or the server ends. No SQLSTATE (five characters) at all: it broke.
  if (!/^[0-9A-Z]{5}$/.test(code) || code.startsWith('08') || code.startsWith('57P') || code === 'EPIPE') throw error;
  return code;
}

function qualified(client: Connection, { schema, name }: Relation): string {
  return `${client.escapeIdentifier(schema)}.${client.escapeIdentifier(name)}`;
}
