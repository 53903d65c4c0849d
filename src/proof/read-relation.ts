import { codeOf, messageOf } from '../errors.js';
import type { Connection } from '../postgres/connection.js';
import { changeSince } from './change-since.js';
import { rowHash } from './column-hash.js';
import type { RelationFingerprint, UnloggedTable } from './fingerprint-schema.js';
import type { Relation } from './list-relations.js';
import { beginReading } from './reading-session.js';

/** The heap itself is to be read, not what an index says about it. Only here: the catalogs are better read by their indexes. */
const heapOnly = ['enable_indexscan', 'enable_indexonlyscan', 'enable_bitmapscan'].map(
  (name) => `set local ${name} = off`,
);

/**
 * Reads one relation in a transaction of its own, and then looks whether it still was what the snapshot says.
 *
 * The transaction is short on purpose, and nothing is locked beforehand (pg_dump locks every table up front and keeps
 * all locks to its end): on a production server one ALTER TABLE that waits for our ACCESS SHARE lock makes every later
 * query on its table wait as well. The price is that DDL may come before our turn. That is found out and said.
 *
 * @returns its fingerprint; `unreadable` or `changed` is set where it could not be had.
 * @throws only where nothing can be read any more: the connection or the snapshot is gone.
 */
export async function readRelation(
  client: Connection,
  relation: Relation,
  options: { snapshot?: string | undefined; statementTimeoutMs?: number | undefined },
): Promise<RelationFingerprint> {
  const { schema, name, kind, method } = relation;
  const known = { schema, name, kind, method };
  let content: { rows: string; hash: string; sizeBytes: number };
  await beginReading(client, options.snapshot, [
    `set local statement_timeout = ${Math.ceil(options.statementTimeoutMs ?? 0)}`,
    ...heapOnly,
  ]);
  try {
    const { rows } = await client.query<typeof content>(
      `
      select
        count(*)::text as rows,
        coalesce(sum(${rowHash(relation.expressions)}), 0)::text as hash,
        coalesce(pg_table_size(${relation.oid}::oid), 0)::float8 as "sizeBytes"
      from only ${client.escapeIdentifier(schema)}.${client.escapeIdentifier(name)} as r
      `,
    );
    content = rows[0] ?? { rows: '0', hash: '0', sizeBytes: 0 };
    await client.query('commit');
  } catch (error) {
    const code = concernsOneRelation(error);
    await client.query('rollback');
    const changed = await changeSince(client, relation);
    return {
      ...known,
      rows: '0',
      hash: '0',
      sizeBytes: 0,
      ...(changed === undefined ? { unreadable: { code, message: messageOf(error) } } : { changed }),
    };
  }
  // Only afterwards: whatever had happened before the table was read is seen now. What comes in between is at worst a false alarm.
  const changed = await changeSince(client, relation);
  return { ...known, ...content, ...(changed === undefined ? {} : { changed }) };
}

/**
 * Looks into an unlogged table of the sandbox, of which recovery must have left nothing but the table itself.
 */
export async function readUnlogged(client: Connection, relation: Relation): Promise<UnloggedTable> {
  const { schema, name } = relation;
  const table = `${client.escapeIdentifier(schema)}.${client.escapeIdentifier(name)}`;
  try {
    const { rows } = await client.query<{ empty: boolean }>(`select not exists (select from only ${table}) as empty`);
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
