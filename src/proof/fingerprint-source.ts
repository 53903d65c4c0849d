import type { Conninfo } from '../postgres/conninfo.js';
import type { StepContext } from '../process/step-context.js';
import type { BusinessCheck } from '../schema/business-check.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { askSource } from './business/business-checks.js';
import type { ContentPolicy } from './content/content-policy.js';
import { fingerprintDatabase } from './content/fingerprint.js';
import type { HeldFence } from './fence/take-fence.js';
import type { ClusterFingerprint, DatabaseFingerprint, SequenceReading } from './fingerprint-schema.js';
import { dumpGlobals, dumpSchema } from './schema/schema-dump.js';
import { readSequences } from './sequences/sequences.js';

export interface FingerprintRequest {
  connection: Conninfo;
  /** How many may read at once. */
  connections: number;
  /** Business checks; none by default. */
  checks?: readonly BusinessCheck[];
  statementTimeoutMs?: number | undefined;
  /** What of the content is to be read; all of it by default. */
  policy?: ContentPolicy | undefined;
}

/** What was read of the source before the snapshots, for things that are not transactional. */
export interface Before {
  sequences: Map<string, SequenceReading>;
  globalsSql: string;
}

export async function readAllSequences(
  request: FingerprintRequest,
  databases: readonly string[],
  context: StepContext,
): Promise<[string, SequenceReading][]> {
  return await Promise.all(
    databases.map(async (database): Promise<[string, SequenceReading]> => [
      database,
      await readSequences({ connection: request.connection, database, signal: context.signal }),
    ]),
  );
}

/** Reads all that is compared later of the source, at the fence that is held. */
export async function fingerprintSource(
  tools: PostgresTools,
  request: FingerprintRequest,
  held: HeldFence,
  before: Before & { deadline: number },
  context: StepContext,
): Promise<ClusterFingerprint> {
  const { connection } = request;
  const { signal } = context;
  // Read as soon after the restore point as possible: the gap between the readings is what a sequence may have moved.
  const after = new Map(await readAllSequences(request, [...held.exported.keys()], context));
  const globalsSqlAfter = await dumpGlobals({ tools, connection, signal });
  const business = await askSource(
    { ...request, checks: request.checks ?? [], exported: held.exported, asOf: held.fence.takenAt },
    context,
  );
  const databases: DatabaseFingerprint[] = [];
  for (const [database, snapshot] of held.exported) {
    // Before the long reading of content: pg_dump fails on tables that were dropped since the snapshot.
    const schemaSql = await dumpSchema({ tools, connection, database, snapshot, signal });
    const content = await fingerprintDatabase({
      connection,
      database,
      snapshot,
      connections: request.connections,
      statementTimeoutMs: request.statementTimeoutMs,
      deadline: before.deadline,
      policy: request.policy,
      gentle: true,
      signal,
      onProgress: ({ relation, doneBytes, totalBytes }) =>
        context.progress({ doing: `fingerprinting ${database}: ${relation}`, doneBytes, totalBytes }),
    });
    const [sequences, sequencesAfter] = [before.sequences.get(database), after.get(database)];
    if (sequences === undefined || sequencesAfter === undefined)
      throw new RangeError(`no sequences read of ${database}`);
    databases.push({ ...content, sequences, sequencesAfter, schemaSql });
  }
  const { globalsSql } = before;
  return {
    formatVersion: 1,
    policy: request.policy,
    takenAt: held.fence.takenAt,
    databases,
    globalsSql,
    globalsSqlAfter,
    business,
  };
}
