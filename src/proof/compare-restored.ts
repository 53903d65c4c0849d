import type { Conninfo } from '../postgres/conninfo.js';
import { withConnection } from '../postgres/connection.js';
import type { StepContext } from '../process/step-context.js';
import { sandboxConninfo } from '../restore/sandbox.js';
import type { Check } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { refuseBadDisk } from './bad-disk.js';
import { readKeptFingerprint } from './kept-fingerprint.js';
import { compareFingerprints } from './compare.js';
import { listNotCompared } from './content/coverage.js';
import { fingerprintDatabase } from './content/fingerprint.js';
import type { ClusterFingerprint, DatabaseFingerprint } from './fingerprint-schema.js';
import type { KeptChecks } from './kept-checks.js';
import { locateDifferences } from './differences/locate-differences.js';
import { layoutsOf } from './content/relation-layouts.js';
import { dumpGlobals, dumpSchema } from './schema/schema-dump.js';
import { readSequences } from './sequences/sequences.js';
import { listDatabases } from './fence/take-fence.js';
import type { ValidateRequest } from './validate.js';

type CompareRequest = Pick<
  ValidateRequest,
  'repository' | 'sandbox' | 'role' | 'capture' | 'whyNotKnown' | 'connections' | 'sourceConnection'
>;

/** Reads everything that the source's fingerprint names in the sandbox, and compares. Without a fence nothing can be compared. */
export async function compareWithSource(
  tools: PostgresTools,
  request: CompareRequest,
  kept: KeptChecks,
  context: StepContext,
): Promise<{ checks: Check[]; notCompared: string[]; source?: ClusterFingerprint }> {
  if (request.capture === undefined) {
    const reason =
      request.whyNotKnown ?? 'the drill’s target is not a fence, so nothing is known of the source at that place';
    return {
      checks: [
        {
          name: 'content',
          status: 'unproven',
          summary: `Not compared: ${reason}.`,
          figures: {},
          problems: [],
          seconds: 0,
        },
      ],
      notCompared: ['all content, schemas and roles (no fence)'],
    };
  }
  const source = await readKeptFingerprint(request.repository, request.capture.fingerprint);
  const { restored, readSeconds } = await fingerprintSandbox(tools, request, { source, kept }, context);
  const checks = compareFingerprints(source, restored, { cutLsn: request.capture.fence.lsn, readSeconds });
  refuseBadDisk(checks, request.sandbox);
  const located: Check[] = [];
  for (const check of checks) {
    const wanted = check.name === 'content' && check.status === 'failed';
    located.push(
      wanted
        ? await locateDifferences(check, {
            source,
            restored,
            snapshots: request.capture.fence.snapshots,
            sourceConnection: request.sourceConnection,
            sandboxConnection: sandboxConninfo(request.sandbox, request.role),
            signal: context.signal,
          })
        : check,
    );
  }
  return {
    checks: located,
    notCompared: [
      ...listNotCompared(source),
      'template databases (holding a snapshot in one would block CREATE DATABASE)',
    ],
    source,
  };
}

async function fingerprintSandbox(
  tools: PostgresTools,
  request: CompareRequest,
  { source, kept }: { source: ClusterFingerprint; kept: KeptChecks },
  context: StepContext,
): Promise<{ restored: ClusterFingerprint; readSeconds: number }> {
  const { signal } = context;
  const connection: Conninfo = sandboxConninfo(request.sandbox, request.role);
  const names = await withConnection(connection, listDatabases, { signal });
  const databases: DatabaseFingerprint[] = [];
  let readSeconds = 0;
  for (const { name: database } of names) {
    const read = await kept.once(`database ${database}`, async () => {
      const started = performance.now();
      const content = await fingerprintDatabase({
        connection,
        database,
        connections: request.connections,
        layoutOf: layoutsOf(source, database),
        policy: source.policy,
        signal,
        onProgress: ({ relation, doneBytes, totalBytes }) =>
          context.progress({ doing: `comparing ${database}: ${relation}`, doneBytes, totalBytes }),
      });
      const fingerprint: DatabaseFingerprint = {
        ...content,
        sequences: await readSequences({ connection, database, signal }),
        schemaSql: await dumpSchema({ tools, connection, database, signal }),
      };
      return { fingerprint, seconds: (performance.now() - started) / 1_000 };
    });
    databases.push(read.fingerprint);
    readSeconds += read.seconds;
  }
  const globalsSql = await dumpGlobals({ tools, connection, signal });
  return { restored: { formatVersion: 1, takenAt: new Date().toISOString(), databases, globalsSql }, readSeconds };
}
