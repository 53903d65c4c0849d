import { messageOf, UnreachableError } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import type { StepContext } from '../process/step-context.js';
import type { Repository } from '../repository/repository.js';
import { sandboxConninfo } from '../restore/sandbox.js';
import type { Capture, Check, Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { type AskSandboxRequest, checkBusiness, checkNewest } from './business-checks.js';
import { readKeptFingerprint } from './capture.js';
import { compareFingerprints, listNotCompared } from './compare.js';
import { fingerprintDatabase } from './fingerprint.js';
import type { ClusterFingerprint, DatabaseFingerprint } from './fingerprint-schema.js';
import { dumpGlobals, dumpSchema } from './schema-dump.js';
import { readSequences } from './sequences.js';
import { listDatabases } from './take-fence.js';
import { checkStructure } from './structure.js';
import { checkUsable } from './usable.js';
import { checkVisibilityMap } from './visibility-map.js';

export interface ValidateRequest {
  repository: Repository;
  sandbox: Sandbox;
  /** The role that read the source: pg_dump shows a role what it may see, so both sides are read by the same. */
  role: string;
  /** Absent where the drill had another target than the fence: then content cannot be compared. */
  capture: Capture | undefined;
  connections: number;
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
  const databases = await withConnection(superuser, listConnectable, { signal });
  // What an earlier attempt may have left would look like a difference to the source.
  await dropOwnSchemas(superuser, databases, signal);
  const { checks, notCompared, source } = await compareWithSource(tools, request, context);
  checks.push(...(await askRestored(request, source, context)));
  checks.push(
    await attempt('structure', signal, async () => {
      await createSchema(superuser, databases, amcheckSchema, signal);
      return await checkStructure({
        tools,
        connection: superuser,
        signal,
        installInto: amcheckSchema,
        onProgress: (relation, begun) =>
          context.progress({ doing: `checking pages and indexes: ${relation} (${begun})` }),
      });
    }),
  );
  context.progress({ doing: 'checking visibility maps' });
  checks.push(
    await attempt('visibility map', signal, () => checkVisibilityMap({ connection: superuser, databases, signal })),
  );
  context.progress({ doing: 'checking that the sandbox takes writes' });
  checks.push(await checkUsable(superuser, signal));
  return { checks, notCompared };
}

/** Where pg_amcheck's functions go: a schema that can be dropped whole. */
const amcheckSchema = 'pgdrill_amcheck';

/** A check that could not be carried out is unproven and says why; it does not end the drill. */
async function attempt(name: string, signal: AbortSignal, check: () => Promise<Check>): Promise<Check> {
  const started = performance.now();
  try {
    return await check();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UnreachableError) throw error; // the sandbox is down: the step is tried again
    const seconds = (performance.now() - started) / 1_000;
    return {
      name,
      status: 'unproven',
      summary: `Could not be carried out: ${messageOf(error).replaceAll(/\s*\n\s*/g, ' ')}`,
      figures: {},
      problems: [],
      seconds,
    };
  }
}

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
  const restored = await fingerprintSandbox(tools, request, context);
  const readSeconds = (performance.now() - started) / 1_000;
  return {
    checks: compareFingerprints(source, restored, { cutLsn: request.capture.fence.lsn, readSeconds }),
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
  // By the superuser: at an older target the role may not be there yet, which leaves its questions unproven, and nothing else.
  const databases = await withConnection(sandboxConninfo(request.sandbox), listDatabases, { signal: context.signal });
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
