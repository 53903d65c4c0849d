import { codeOf, messageOf } from '../../errors.js';
import type { Connection } from '../../postgres/connection.js';
import { plannedReads } from './index-plan.js';
import { askHeap, askIndex, type Question, type Way, waysToRead } from './index-statements.js';
import type { Index } from './list-indexes.js';

export interface IndexReading {
  index: Index;
  /** How it was read; undefined where it could not be, then `why` says the reason. */
  kind: Way['kind'] | undefined;
  why?: string;
  /** What is wrong with it. */
  problem?: string;
}

interface Answer {
  rows: string;
  hash: string;
}

const throughIndexes: Record<string, 'on' | 'off'> = {
  enable_seqscan: 'off',
  enable_indexscan: 'on',
  enable_indexonlyscan: 'on',
  enable_tidscan: 'off',
  enable_nestloop: 'on',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_memoize: 'off',
  enable_material: 'off',
};

const throughHeap: Record<string, 'on' | 'off'> = {
  enable_seqscan: 'on',
  enable_indexscan: 'off',
  enable_indexonlyscan: 'off',
  enable_bitmapscan: 'off',
};

/**
 * Asks all indexes of one table and its heap the same questions.
 *
 * The planner is free to answer from any index, so for the time of its reading each index is the only valid one that its table has: the
 * others are marked invalid in the catalog, in a transaction that is always rolled back. Only for a sandbox.
 *
 * @throws where the connection is gone; a damaged index or table is an answer.
 */
export async function readIndexesOf(client: Connection, indexes: readonly Index[]): Promise<IndexReading[]> {
  const [first] = indexes;
  if (first === undefined) return [];
  const table = `${client.escapeIdentifier(first.schema)}.${client.escapeIdentifier(first.table)}`;
  await client.query('begin isolation level repeatable read read write');
  try {
    const planned: { index: Index; way: Way | undefined }[] = [];
    for (const index of indexes) planned.push({ index, way: await findWay(client, index, table) });
    const heap = await readHeap(
      client,
      planned.flatMap(({ way }) => way?.questions ?? []),
      table,
    );
    const readings: IndexReading[] = [];
    for (const { index, way } of planned) {
      if (way === undefined) {
        readings.push({ index, kind: undefined, why: `the planner cannot read this ${index.method} index in full` });
      } else if (typeof heap === 'string') {
        readings.push({ index, kind: undefined, why: `its table cannot be read: ${heap}` });
      } else {
        const problem = await compare(client, { index, way, table }, heap.splice(0, way.questions.length));
        readings.push({ index, kind: way.kind, ...(problem === undefined ? {} : { problem }) });
      }
    }
    return readings;
  } finally {
    await client.query('rollback').catch(() => undefined);
  }
}

/** The first way in which the planner really uses the index, and nothing else. */
async function findWay(client: Connection, index: Index, table: string): Promise<Way | undefined> {
  for (const way of waysToRead(index, table)) {
    const used = await alone(client, index, way, async () => {
      for (const question of way.questions) {
        const { rows } = await client.query<{ 'QUERY PLAN': unknown }>(
          `explain (format json) ${askIndex(question, table)}`,
        );
        if (!readsOnly(rows[0]?.['QUERY PLAN'], index, way, question)) return false;
      }
      return true;
    });
    if (used === true) return way;
  }
  return undefined;
}

function readsOnly(plan: unknown, index: Index, way: Way, question: Question): boolean {
  const reads = plannedReads(plan);
  const byIndex = reads.filter((read) => read.index !== undefined);
  // The values that a hash index is asked for come from the heap: one scan more.
  if (reads.length - byIndex.length > (question.values === undefined ? 0 : 1)) return false;
  return (
    byIndex.length === 1 &&
    byIndex.every((read) => read.index === index.name && read.indexOnly === (way.kind === 'index only'))
  );
}

async function readHeap(client: Connection, questions: readonly Question[], table: string): Promise<Answer[] | string> {
  if (questions.length === 0) return [];
  return await undone(client, async () => {
    await set(client, throughHeap);
    const { rows } = await client.query<{ rows: string[]; hashes: string[] }>(askHeap(questions, table));
    return questions.map((_, at) => ({ rows: rows[0]?.rows[at] ?? '', hash: rows[0]?.hashes[at] ?? '' }));
  });
}

async function compare(
  client: Connection,
  { index, way, table }: { index: Index; way: Way; table: string },
  heap: readonly Answer[],
): Promise<string | undefined> {
  const answers = await alone(client, index, way, async () => {
    const found: Answer[] = [];
    for (const question of way.questions) {
      const { rows } = await client.query<Answer>(askIndex(question, table));
      found.push(rows[0] ?? { rows: '', hash: '' });
    }
    return found;
  });
  if (typeof answers === 'string') return `cannot be read: ${answers}`;
  const scan = way.kind === 'index only' ? 'an index-only scan' : 'an index scan';
  for (const [at, { rows, hash }] of answers.entries()) {
    const expected = heap[at];
    if (rows !== expected?.rows) return `${scan} returns ${rows} rows, its table holds ${expected?.rows ?? '?'}`;
    if (hash !== expected.hash) return `${scan} returns as many rows as its table holds (${rows}), but others`;
  }
  return undefined;
}

/** Does `work` while the index is the only one that its table has. @returns what it answers, or the message of its error. */
async function alone<T>(client: Connection, index: Index, way: Way, work: () => Promise<T>): Promise<T | string> {
  return await undone(client, async () => {
    await client.query(
      `update pg_index set indisvalid = false where indrelid = $1::oid and indexrelid <> $2::oid and indisvalid`,
      [index.tableOid, index.oid],
    );
    if (way.kind === 'index scan' && index.firstColumnNumber > 0) {
      // Else the planner knows that no row is null, and drops the very condition that would make it use the index.
      await client.query(
        `update pg_attribute set attnotnull = false where attrelid = $1::oid and attnum = $2 and attnotnull`,
        [index.tableOid, index.firstColumnNumber],
      );
    }
    // Without a condition to look for, a bitmap of the whole index may seem cheaper to the planner than reading it index-only.
    await set(client, { ...throughIndexes, enable_bitmapscan: way.kind === 'index only' ? 'off' : 'on' });
    return await work();
  });
}

async function undone<T>(client: Connection, work: () => Promise<T>): Promise<T | string> {
  await client.query('savepoint one_reading');
  try {
    return await work();
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (!/^[0-9A-Z]{5}$/.test(code) || code.startsWith('57P') || code.startsWith('08')) throw error;
    return messageOf(error);
  } finally {
    await client.query('rollback to savepoint one_reading');
  }
}

async function set(client: Connection, settings: Record<string, string>): Promise<void> {
  await client.query(
    Object.entries(settings)
      .map(([name, value]) => `set local ${name} = ${value}`)
      .join(';'),
  );
}
