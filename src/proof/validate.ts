import type { Conninfo } from '../postgres/conninfo.js';
import { withConnection } from '../postgres/connection.js';
import type { StepContext } from '../process/step-context.js';
import type { Repository } from '../repository/repository.js';
import { sandboxConninfo } from '../restore/sandbox.js';
import type { Capture, Check, Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { readKeptFingerprint } from './capture.js';
import { compareFingerprints } from './compare.js';
import { fingerprintDatabase } from './fingerprint.js';
import type { ClusterFingerprint, DatabaseFingerprint } from './fingerprint-schema.js';
import { dumpGlobals, dumpSchema } from './schema-dump.js';
import { readSequences } from './sequences.js';
import { listDatabases } from './take-fence.js';
import { checkUsable } from './usable.js';

export interface ValidateRequest {
  repository: Repository;
  sandbox: Sandbox;
  /** The role that read the source: pg_dump shows a role what it may see, so both sides are read by the same. */
  role: string;
  /** Absent where the drill had another target than the fence: then content cannot be compared. */
  capture: Capture | undefined;
  connections: number;
}

/**
 * Judges the restored cluster: everything the source's fingerprint names is read again in the sandbox and compared, and the sandbox
 * has to take writes. What cannot be checked comes out as `unproven`, never as passed.
 */
export async function validateRestore(
  tools: PostgresTools,
  request: ValidateRequest,
  context: StepContext,
): Promise<{ checks: Check[]; notCompared: string[] }> {
  const checks: Check[] = [];
  const notCompared: string[] = [];
  if (request.capture === undefined) {
    checks.push(notComparable('the drill’s target is not a fence: nothing is known of the source at that place'));
  } else {
    const source = await readKeptFingerprint(request.repository, request.capture.fingerprint);
    const restored = await fingerprintSandbox(tools, request, context);
    checks.push(...compareFingerprints(source, restored));
    for (const { database, notCompared: names } of source.databases)
      notCompared.push(...names.map((name) => `${database}.${name}`));
    notCompared.push('template databases (holding a snapshot in one would block CREATE DATABASE)');
  }
  context.progress({ doing: 'checking that the sandbox takes writes' });
  checks.push(await checkUsable(sandboxConninfo(request.sandbox), context.signal));
  return { checks, notCompared };
}

function notComparable(reason: string): Check {
  return {
    name: 'content',
    status: 'unproven',
    summary: `Not compared: ${reason}.`,
    figures: {},
    problems: [],
    seconds: 0,
  };
}

async function fingerprintSandbox(
  tools: PostgresTools,
  request: ValidateRequest,
  context: StepContext,
): Promise<ClusterFingerprint> {
  const { signal } = context;
  const connection: Conninfo = sandboxConninfo(request.sandbox, request.role);
  const names = await withConnection(connection, listDatabases, { signal });
  const databases: DatabaseFingerprint[] = [];
  for (const { name: database } of names) {
    const content = await fingerprintDatabase({
      connection,
      database,
      connections: request.connections,
      signal,
      onProgress: ({ relation, doneBytes, totalBytes }) =>
        context.progress({ doing: `comparing ${database}: ${relation}`, doneBytes, totalBytes }),
    });
    databases.push({
      ...content,
      sequences: await readSequences({ connection, database, signal }),
      schemaSql: await dumpSchema({ tools, connection, database, signal }),
    });
  }
  return {
    formatVersion: 1,
    takenAt: new Date().toISOString(),
    databases,
    globalsSql: await dumpGlobals({ tools, connection, signal }),
  };
}
