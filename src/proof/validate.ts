import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import type { StepContext } from '../process/step-context.js';
import type { Repository } from '../repository/repository.js';
import { runSandbox } from '../restore/open.js';
import { sandboxConninfo } from '../restore/sandbox.js';
import type { Capture, Check, Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { attempt } from './attempt.js';
import { type AskSandboxRequest, checkBusiness, checkNewest } from './business-checks.js';
import { readKeptFingerprint } from './capture.js';
import { compareFingerprints, listNotCompared } from './compare.js';
import { fingerprintDatabase } from './fingerprint.js';
import { layoutsOf } from './relation-layouts.js';
import type { ClusterFingerprint, DatabaseFingerprint } from './fingerprint-schema.js';
import { locateDifferences } from './locate-differences.js';
import { checkShutDown } from './restart.js';
import { dumpGlobals, dumpSchema } from './schema-dump.js';
import { readSequences } from './sequences.js';
import { listDatabases } from './take-fence.js';
import { checkIndexReads } from './index-reads.js';
import { checkStructure } from './structure.js';
import { checkUsable } from './usable.js';
import { checkVacuum } from './vacuum.js';
import { checkVisibilityMap } from './visibility-map.js';
import { checkWal } from './wal.js';

export interface ValidateRequest {
  repository: Repository;
  sandbox: Sandbox;
  /** The role that read the source: pg_dump shows a role what it may see, so both sides are read by the same. */
  role: string;
  /** Absent where the drill had another target than the fence: then content cannot be compared. */
  capture: Capture | undefined;
  connections: number;
  /** The source as it is now: asked, where it can be reached, for the rows that differ. Never needed for a verdict. */
  sourceConnection?: Conninfo | undefined;
  /** What the configuration asks, where nothing is known of the source; none by default. */
  business?: Pick<AskSandboxRequest, 'checks' | 'database' | 'asOf'>;
}

/**
 * Judges the restored cluster: everything the source's fingerprint names is read again in the sandbox and compared; then pages, indexes
 * and visibility maps are checked, and the sandbox has to take writes. What cannot be checked comes out as `unproven`, never as passed.
 */
export async function validateRestore(
  tools: PostgresTools,
  request: ValidateRequest,
  context: StepContext,
): Promise<{ checks: Check[]; notCompared: string[] }> {
  const { signal } = context;
  const superuser = sandboxConninfo(request.sandbox);
  // It may have died since it was opened, or an earlier attempt while it was stopped.
  await runSandbox(tools, request.sandbox, context);
  const databases = await withConnection(superuser, listConnectable, { signal });
  // What an earlier attempt may have left would look like a difference to the source.
  await dropOwnSchemas(superuser, databases, signal);
  const { checks, notCompared, source } = await compareWithSource(tools, request, context);
  checks.push(...(await askRestored(request, source, context)));
  // Before anything that might vacuum: index-only scans are to meet the visibility maps as they were restored.
  checks.push(
    await attempt('index reads', signal, async () => {
      const { check, notRead } = await checkIndexReads({
        connection: superuser,
        databases,
        connections: request.connections,
        signal,
        onProgress: (table, done, total) =>
          context.progress({ doing: `reading through the indexes: ${table} (${done} of ${total})` }),
      });
      notCompared.push(...notRead);
      return check;
    }),
  );
  checks.push(await checkWal(request.sandbox));
  checks.push(
    await attempt('structure', signal, async () => {
      await createSchema(superuser, databases, amcheckSchema, signal);
      const { notCompared: unchecked, ...check } = await checkStructure({
        tools,
        connection: superuser,
        signal,
        installInto: amcheckSchema,
        onProgress: (relation, begun) =>
          context.progress({ doing: `checking pages and indexes: ${relation} (${begun})` }),
      });
      notCompared.push(...unchecked);
      return check;
    }),
  );
  context.progress({ doing: 'checking visibility maps' });
  checks.push(
    await attempt('visibility map', signal, () => checkVisibilityMap({ connection: superuser, databases, signal })),
  );
  context.progress({ doing: 'checking that the sandbox takes writes' });
  const restart = async (): Promise<void> => {
    const shutDown = await checkShutDown(tools, request.sandbox, context);
    checks.push(...shutDown.checks);
    notCompared.push(...shutDown.notCompared);
  };
  const usable = await checkUsable({ connection: superuser, restart, signal });
  checks.push(usable);
  // A server that does not start again cannot be vacuumed, and the check above says so.
  if (usable.status === 'passed')
    checks.push(
      await attempt('vacuum', signal, () =>
        checkVacuum({
          connection: superuser,
          databases,
          signal,
          onProgress: (database) => context.progress({ doing: `vacuuming ${database}` }),
        }),
      ),
    );
  return { checks, notCompared };
}

/** Where pg_amcheck's functions go: a schema that can be dropped whole. */
const amcheckSchema = 'pgdrill_amcheck';

async function compareWithSource(
  tools: PostgresTools,
  request: ValidateRequest,
  context: StepContext,
): Promise<{ checks: Check[]; notCompared: string[]; source?: ClusterFingerprint }> {
  if (request.capture === undefined) {
    const reason = 'the drill’s target is not a fence, so nothing is known of the source at that place';
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
  const started = performance.now();
  const restored = await fingerprintSandbox(tools, request, source, context);
  const readSeconds = (performance.now() - started) / 1_000;
  const checks = compareFingerprints(source, restored, { cutLsn: request.capture.fence.lsn, readSeconds });
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

async function askRestored(
  request: ValidateRequest,
  source: ClusterFingerprint | undefined,
  context: StepContext,
): Promise<Check[]> {
  const { connections, role, capture, business } = request;
  const connection = sandboxConninfo(request.sandbox, role);
  const databases = await withConnection(connection, listDatabases, { signal: context.signal });
  const asking: AskSandboxRequest = {
    connection,
    connections,
    checks: business?.checks ?? [],
    database: business?.database ?? 'postgres',
    databases: databases.map(({ name }) => name),
    source: source?.business,
    asOf: capture?.fence.takenAt ?? business?.asOf,
  };
  return [
    await attempt('newest rows', context.signal, () => checkNewest(asking, context)),
    ...(await checkBusiness(asking, context)),
  ];
}

/** Every database that takes connections, templates too: nothing else uses a sandbox, so looking into them disturbs nobody. */
async function listConnectable(client: Connection): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select datname as name from pg_database where datallowconn order by datname`,
  );
  return rows.map(({ name }) => name);
}

async function dropOwnSchemas(superuser: Conninfo, databases: readonly string[], signal: AbortSignal): Promise<void> {
  for (const dbname of databases) {
    await withConnection(
      superuser,
      (client) =>
        client.query(
          `do $$
           declare own name;
           begin
             for own in select nspname from pg_namespace where nspname ~ '^pgdrill_(amcheck$|usable_)' loop
               execute format('drop schema %I cascade', own);
             end loop;
           end $$`,
        ),
      { overrides: { dbname }, signal },
    );
  }
}

async function createSchema(
  superuser: Conninfo,
  databases: readonly string[],
  schema: string,
  signal: AbortSignal,
): Promise<void> {
  for (const dbname of databases) {
    await withConnection(superuser, (client) => client.query(`create schema ${schema}`), {
      overrides: { dbname },
      signal,
    });
  }
}

async function fingerprintSandbox(
  tools: PostgresTools,
  request: ValidateRequest,
  source: ClusterFingerprint,
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
      layoutOf: layoutsOf(source, database),
      policy: source.policy,
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
