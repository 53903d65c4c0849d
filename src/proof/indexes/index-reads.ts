import type { Conninfo } from '../../postgres/conninfo.js';
import { type Connection, withConnection } from '../../postgres/connection.js';
import type { Check } from '../../schema/results.js';
import { type IndexReading, readIndexesOf } from './read-indexes.js';
import { type Index, listIndexes } from './list-indexes.js';
import { ReadingQueue } from '../content/reading-queue.js';
import { fixSessionSettings } from '../reading-session.js';

export interface IndexReadsOptions {
  /** As superuser of the promoted sandbox, as it was restored: VACUUM mends what index-only scans are to show. */
  connection: Conninfo;
  databases: readonly string[];
  /** How many connections may read at the same time. */
  connections: number;
  signal: AbortSignal;
  onProgress?: (table: string, done: number, total: number) => void;
}

/**
 * The check `index reads`: what a scan of each index returns is what a sequential scan of its table returns, in number and hash.
 * Index-only where the planner can: then the values come from the index, and which rows count from the visibility map, so that
 * a stale map shows. What the planner did is looked up in its plan; an index that it did not use counts as not read.
 *
 * Indexes that are not valid are used by no query and are not read. TOAST tables' indexes were used to read the content, system
 * catalogs' are amcheck's.
 */
export async function checkIndexReads(options: IndexReadsOptions): Promise<{ check: Check; notRead: string[] }> {
  const startedAt = performance.now();
  const readings: (IndexReading & { database: string })[] = [];
  let invalid = 0;
  for (const database of options.databases) {
    const session = { overrides: { dbname: database }, signal: options.signal };
    const listed = await withConnection(
      options.connection,
      async (client) => {
        await fixSessionSettings(client);
        return await listIndexes(client);
      },
      session,
    );
    invalid += listed.filter(({ valid }) => !valid).length;
    const tables = byTable(listed.filter(({ valid }) => valid));
    const queue = new ReadingQueue(tables);
    let done = 0;
    const work = async (client: Connection): Promise<void> => {
      await fixSessionSettings(client);
      await queue.drain(async (indexes) => {
        for (const reading of await readIndexesOf(client, indexes)) readings.push({ ...reading, database });
        done += 1;
        const table = `${database}.${indexes[0]?.schema ?? ''}.${indexes[0]?.table ?? ''}`;
        options.onProgress?.(table, done, tables.length);
      });
    };
    const workers = Math.min(options.connections, tables.length);
    const ends = await Promise.allSettled(
      Array.from({ length: workers }, () => withConnection(options.connection, work, session)),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }
  return conclude(readings, invalid, (performance.now() - startedAt) / 1_000);
}

/** The indexes of each table, those with the most to read first. */
function byTable(indexes: readonly Index[]): Index[][] {
  const tables = new Map<string, Index[]>();
  for (const index of indexes) tables.set(index.tableOid, [...(tables.get(index.tableOid) ?? []), index]);
  const size = (group: readonly Index[]): number => group.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return [...tables.values()].sort((a, b) => size(b) - size(a));
}

function conclude(
  readings: readonly (IndexReading & { database: string })[],
  invalid: number,
  seconds: number,
): { check: Check; notRead: string[] } {
  const nameOf = ({ database, index }: { database: string; index: Index }): string =>
    `${database}.${index.schema}.${index.name}`;
  const count = (kind: IndexReading['kind']): number => readings.filter((reading) => reading.kind === kind).length;
  const broken = readings.flatMap((reading) =>
    reading.problem === undefined ? [] : [{ object: nameOf(reading), detail: reading.problem }],
  );
  const unread = readings.flatMap((reading) =>
    reading.kind === undefined ? [{ object: nameOf(reading), detail: reading.why ?? '', index: reading.index }] : [],
  );
  // Of B-trees all can be read; of other kinds some never can, and a database is not to be unproven for having one.
  const doubts = unread.filter(({ index }) => index.method === 'btree');
  const how = `${count('index only')} index-only, ${count('index scan')} by index scan`;
  return {
    check: {
      name: 'index reads',
      status: broken.length > 0 ? 'failed' : doubts.length > 0 ? 'unproven' : 'passed',
      summary:
        broken.length > 0
          ? `${broken.length} of ${readings.length} indexes do not return what their tables hold.`
          : doubts.length > 0
            ? `${doubts.length} of ${readings.length} indexes could not be read.`
            : readings.length === 0
              ? 'There are no indexes: there was nothing to read.'
              : `${readings.length - unread.length} indexes return what their tables hold (${how}${unread.length > 0 ? `; ${unread.length} could not be read in full` : ''}).`,
      figures: {
        indexes: readings.length,
        indexOnly: count('index only'),
        indexScan: count('index scan'),
        notRead: unread.length,
        invalid,
        broken: broken.length,
      },
      problems: [...broken, ...doubts.map(({ object, detail }) => ({ object, detail }))],
      seconds,
    },
    notRead: unread.map(({ object, detail }) => `${object}, read through the index: ${detail}`),
  };
}
