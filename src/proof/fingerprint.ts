import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import type { DatabaseFingerprint, RelationFingerprint, UnloggedTable } from './fingerprint-schema.js';
import { listRelations, type Relation } from './list-relations.js';
import { readRelation, readUnlogged } from './read-relation.js';
import { beginReading, fixSessionSettings, type ReadingLimits } from './reading-session.js';

/** The part of a database's fingerprint that comes from reading its tables. */
export type ContentFingerprint = Pick<DatabaseFingerprint, 'database' | 'relations' | 'unlogged' | 'notCompared'>;

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
  /** Milliseconds that one relation may take, after which it counts as not read; no limit by default. */
  statementTimeoutMs?: number | undefined;
  /** How many connections may read at the same time, at least 1. */
  connections: number;
  signal: AbortSignal;
  onProgress?: (progress: FingerprintProgress) => void;
}

/**
 * Fingerprints the content of one database: for every table, partition, materialized view and the large objects the exact
 * number of rows and a hash that does not depend on their order. Biggest first, so that the last one to end is a small one.
 * Takes ACCESS SHARE locks only, one relation a connection at a time.
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
  const queue = readable.filter(({ unlogged }) => !unlogged).sort((a, b) => b.estimatedBytes - a.estimatedBytes);
  const unlogged = readable.filter((relation) => relation.unlogged);
  const report = progressReporter(queue, options.onProgress);
  const relations: RelationFingerprint[] = [];

  const work = async (client: Connection): Promise<void> => {
    await fixSessionSettings(client, options);
    for (let relation = queue.shift(); relation !== undefined; relation = queue.shift()) {
      relations.push(await readRelation(client, relation, options));
      report(relation);
    }
  };
  const workers = Array.from({ length: Math.min(Math.max(options.connections, 1), queue.length) }, () =>
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
    relations: relations.sort(byName),
    unlogged: await lookAtUnlogged(options, unlogged, session),
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
  queue: readonly Relation[],
  onProgress: FingerprintOptions['onProgress'],
): (relation: Relation) => void {
  const totalBytes = queue.reduce((sum, { estimatedBytes }) => sum + estimatedBytes, 0);
  const relationsTotal = queue.length;
  let doneBytes = 0;
  let relationsDone = 0;
  return ({ schema, name, estimatedBytes }) => {
    doneBytes += estimatedBytes;
    relationsDone += 1;
    onProgress?.({ relation: `${schema}.${name}`, doneBytes, totalBytes, relationsDone, relationsTotal });
  };
}

function byName(a: RelationFingerprint, b: RelationFingerprint): number {
  return a.schema === b.schema ? (a.name < b.name ? -1 : 1) : a.schema < b.schema ? -1 : 1;
}
