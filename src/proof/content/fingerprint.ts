import type { Conninfo } from '../../postgres/conninfo.js';
import { type Connection, withConnection } from '../../postgres/connection.js';
import { type ContentPolicy, patternsFor } from './content-policy.js';
import type { DatabaseFingerprint, RelationFingerprint, UnloggedTable } from '../fingerprint-schema.js';
import { listRelations, type Relation } from './list-relations.js';
import { type Pace, rest } from './pace.js';
import type { RangeLayout } from './ranges.js';
import { readUnlogged } from './read-relation.js';
import { carryOut, type ReadingTask } from './read-task.js';
import { ReadingQueue } from './reading-queue.js';
import { beginReading, fixSessionSettings, type ReadingLimits } from '../reading-session.js';
import { RelationReading } from './relation-reading.js';

/** The part of a database's fingerprint that comes from reading its tables. */
export type ContentFingerprint = Pick<
  DatabaseFingerprint,
  'database' | 'relations' | 'unlogged' | 'excluded' | 'notCompared'
>;

export interface FingerprintProgress {
  /** The relation that was just read, as schema.name. */
  relation: string;
  /** Estimates by the catalog's statistics, both. */
  doneBytes: number;
  totalBytes: number;
  relationsDone: number;
  relationsTotal: number;
}

export interface FingerprintOptions extends ReadingLimits {
  connection: Conninfo;
  database: string;
  /** As pg_export_snapshot() gave it, *in this database*. The sandbox stands still and needs none. */
  snapshot?: string | undefined;
  /** Milliseconds that one statement may take, after which its relation counts as not read; no limit by default. */
  statementTimeoutMs?: number | undefined;
  /**
   * How each relation is to be cut, undefined for not at all: of the sandbox, as the source was. By default a heap of more than
   * `leastBlocks` is.
   */
  layoutOf?: ((relation: { schema: string; name: string }) => RangeLayout | undefined) | undefined;
  /** Blocks of the smallest range that a relation is cut into, 1,024 by default. */
  leastBlocks?: number | undefined;
  /** What is to be read; all of it by default. */
  policy?: ContentPolicy | undefined;
  /** When the snapshot is to be let go, by performance.now(): what is not read by then is not read. */
  deadline?: number | undefined;
  /** Rest between two pieces of work while others are at work on the server, as far as the deadline lets it. */
  gentle?: boolean | undefined;
  /** How many connections may read at the same time, at least 1. */
  connections: number;
  signal: AbortSignal;
  onProgress?: (progress: FingerprintProgress) => void;
}

/**
 * Fingerprints the content of one database: for every table, partition, materialized view and the large objects the exact
 * number of rows and a hash that does not depend on their order. Biggest first, so that the last one to end is a small one; big
 * ones in parts, so that one giant keeps all connections busy. Takes ACCESS SHARE locks only, one relation a connection at a time.
 *
 * @returns relations ordered by schema and name; a relation that could not be read says so and stops nothing else.
 * @throws FenceError when the snapshot is gone, UnreachableError when the server is, the signal's reason when cancelled.
 */
export async function fingerprintDatabase(options: FingerprintOptions): Promise<ContentFingerprint> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const session = { overrides: { dbname: options.database }, signal };

  const listed = await withConnection(
    options.connection,
    async (client) => {
      await fixSessionSettings(client, options);
      await beginReading(client, options.snapshot);
      const relations = await listRelations(client);
      await client.query('commit');
      return relations;
    },
    session,
  );
  const readable = listed.filter((relation) => relation.notCompared === null);
  const unlogged = readable.filter((relation) => relation.unlogged);
  const matched = new Map(
    readable.map((relation) => [
      relation,
      patternsFor(options.policy?.exclude ?? [], `${options.database}.${relation.schema}.${relation.name}`),
    ]),
  );
  const isExcluded = (relation: Relation): boolean => !relation.unlogged && matched.get(relation)?.length !== 0;
  const readings = readable
    .filter((relation) => !relation.unlogged && !isExcluded(relation))
    .sort((a, b) => b.estimatedBytes - a.estimatedBytes)
    .map((relation) => new RelationReading(relation));
  const queue = new ReadingQueue<ReadingTask>(readings.map((reading) => ({ reading })));
  const pace: Pace = {
    startedAt: performance.now(),
    deadline: options.deadline ?? Infinity,
    doneBytes: 0,
    totalBytes: readings.reduce((sum, { relation }) => sum + relation.estimatedBytes, 0),
  };
  const report = progressReporter(readings, (progress) => {
    pace.doneBytes = progress.doneBytes;
    options.onProgress?.(progress);
  });

  const work = async (client: Connection): Promise<void> => {
    await fixSessionSettings(client, options);
    await queue.drain(async (task) => {
      const startedAt = performance.now();
      await carryOut(client, task, { options, queue, report });
      if (options.gentle === true) await rest(client, performance.now() - startedAt, pace, signal);
    });
  };
  // As many as allowed even for one relation: it may be cut.
  const workers = Array.from({ length: readings.length === 0 ? 0 : Math.max(options.connections, 1) }, () =>
    withConnection(options.connection, work, session),
  );
  try {
    await Promise.all(workers);
  } catch (error) {
    stop.abort(error);
    throw error;
  } finally {
    await Promise.allSettled(workers);
  }
  return {
    database: options.database,
    relations: readings.map((reading) => reading.fingerprint()).sort(byName),
    unlogged: await lookAtUnlogged(options, unlogged, session),
    excluded: readable.filter(isExcluded).map((relation) => ({
      schema: relation.schema,
      name: relation.name,
      estimatedBytes: relation.estimatedBytes,
      patterns: matched.get(relation) ?? [],
    })),
    notCompared: listed.flatMap(({ schema, name, notCompared }) =>
      notCompared === null ? [] : [`${schema}.${name}: ${notCompared}`],
    ),
  };
}

/** The source's unlogged tables are only named: their content is not in the WAL, so nothing could be compared with it. */
async function lookAtUnlogged(
  options: FingerprintOptions,
  tables: readonly Relation[],
  session: { overrides: Conninfo; signal: AbortSignal },
): Promise<UnloggedTable[]> {
  if (options.snapshot !== undefined || tables.length === 0)
    return tables.map(({ schema, name }) => ({ schema, name }));
  return await withConnection(
    options.connection,
    async (client) => {
      await fixSessionSettings(client, options);
      const looked: UnloggedTable[] = [];
      for (const table of tables) looked.push(await readUnlogged(client, table));
      return looked;
    },
    session,
  );
}

function progressReporter(
  readings: readonly RelationReading[],
  onProgress: FingerprintOptions['onProgress'],
): (reading: RelationReading, parts: number) => void {
  const totalBytes = readings.reduce((sum, { relation }) => sum + relation.estimatedBytes, 0);
  const partsDone = new Map<RelationReading, number>();
  let doneBytes = 0;
  let relationsDone = 0;
  return (reading, parts) => {
    const { schema, name, estimatedBytes } = reading.relation;
    const done = (partsDone.get(reading) ?? 0) + 1;
    partsDone.set(reading, done);
    doneBytes += estimatedBytes / parts;
    if (done === parts) relationsDone += 1;
    onProgress?.({
      relation: `${schema}.${name}`,
      // Fractions do not add up exactly.
      doneBytes: relationsDone === readings.length ? totalBytes : Math.min(doneBytes, totalBytes),
      totalBytes,
      relationsDone,
      relationsTotal: readings.length,
    });
  };
}

function byName(a: RelationFingerprint, b: RelationFingerprint): number {
  return a.schema === b.schema ? (a.name < b.name ? -1 : 1) : a.schema < b.schema ? -1 : 1;
}
