import type { Conninfo } from '../postgres/conninfo.js';
import type { StepContext } from '../process/step-context.js';
import { keys, type Repository } from '../repository/repository.js';
import { runSandbox } from '../restore/open.js';
import { sandboxConninfo } from '../restore/sandbox.js';
import type { Candidate } from '../schema/candidate.js';
import type { Check, KnownFence, Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { askRestored } from './business/ask-restored.js';
import { attempt } from './attempt.js';
import { refuseBadDisk } from './bad-disk.js';
import { checkBadStatement } from './bad-statement.js';
import { checkUnlogged } from './content/unlogged-alone.js';
import type { ClusterFingerprint } from './fingerprint-schema.js';
import { boundFindings } from './bounded.js';
import type { AskSandboxRequest } from './business/business-checks.js';
import { compareWithSource } from './compare-restored.js';
import { checkIndexReads } from './indexes/index-reads.js';
import { openKeptChecks } from './kept-checks.js';
import { amcheckSchema, createSchema, dropOwnSchemas, listConnectable } from './own-schemas.js';
import { checkShutDown } from './structure/restart.js';
import { checkStructure } from './structure/structure.js';
import { checkUsable } from './structure/usable.js';
import { checkVacuum } from './structure/vacuum.js';
import { checkVisibilityMap } from './structure/visibility-map.js';
import { checkWal } from './structure/wal.js';

export interface ValidateRequest {
  repository: Repository;
  sandbox: Sandbox;
  /** The role that read the source: pg_dump shows a role what it may see, so both sides are read by the same. */
  role: string;
  /** Absent where nothing is known of the source at the target: then content cannot be compared. */
  capture: KnownFence | undefined;
  /** Why that is so, as part of a sentence. */
  whyNotKnown?: string | undefined;
  /** A place on the way at which content was compared (`compareAtFence`): what needs the source is not looked at again. */
  comparedAt?: string | undefined;
  /** What the restore has to have undone: scenario `oops`. */
  statement?: Candidate | undefined;
  connections: number;
  /** The source as it is now: asked, where it can be reached, for the rows that differ. Never needed for a verdict. */
  sourceConnection?: Conninfo | undefined;
  /** What the configuration asks, where nothing is known of the source; none by default. */
  business?: Pick<AskSandboxRequest, 'checks' | 'database' | 'asOf'>;
}

/** Checks, and what they could not or need not look at. */
export interface Found {
  checks: Check[];
  notCompared: string[];
}

/**
 * Judges the restored cluster: everything the source's fingerprint names is read again in the sandbox and compared; then pages, indexes
 * and visibility maps are checked, and the sandbox has to take writes. What cannot be checked comes out as `unproven`, never as passed.
 * What an earlier attempt at the same step has found is not looked for again.
 * Of very many problems only the first are answered; `problems.json` beside the evidence then has all of them.
 */
export async function validateRestore(
  tools: PostgresTools,
  request: ValidateRequest,
  context: StepContext,
): Promise<Found> {
  const { sandbox, connections } = request;
  const { signal } = context;
  const superuser = sandboxConninfo(sandbox);
  // It may have died since it was opened, or an earlier attempt while it was stopped.
  await runSandbox(tools, sandbox, context);
  const databases = await listConnectable(superuser, signal);
  const kept = await openKeptChecks(sandbox, request.capture, context);
  await dropOwnSchemas(superuser, databases, signal);
  const { source, ...all }: Found & { source?: ClusterFingerprint } =
    request.comparedAt === undefined
      ? await compareWithSource(tools, request, kept, context)
      : { checks: [], notCompared: [] };
  const look = async (name: string, check: () => Promise<Check | Found>): Promise<void> => {
    const found = await attempt(name, signal, () =>
      kept.once(name, async () => {
        const seen = await check();
        refuseBadDisk('checks' in seen ? seen.checks : [seen], sandbox);
        return seen;
      }),
    );
    all.checks.push(...('checks' in found ? found.checks : [found]));
    if ('checks' in found) all.notCompared.push(...found.notCompared);
  };

  const { statement, capture } = request;
  if (capture === undefined) await look('unlogged', () => checkUnlogged(superuser, databases, signal));
  if (statement !== undefined) await look('bad statement', () => checkBadStatement(statement, superuser, signal));
  await look('business', async () => ({ checks: await askRestored(request, source, context), notCompared: [] }));
  // Before anything that might vacuum: index-only scans are to meet the visibility maps as they were restored.
  await look('index reads', async () => {
    const onProgress = (table: string, done: number, total: number): void =>
      context.progress({ doing: `reading through the indexes: ${table} (${done} of ${total})` });
    const read = await checkIndexReads({ connection: superuser, databases, connections, signal, onProgress });
    return { checks: [read.check], notCompared: read.notRead };
  });
  await look('wal', () => checkWal(sandbox));
  await look('structure', async () => {
    await createSchema(superuser, databases, amcheckSchema, signal);
    const onProgress = (relation: string, begun: number): void =>
      context.progress({ doing: `checking pages and indexes: ${relation} (${begun})` });
    const options = { tools, connection: superuser, signal, installInto: amcheckSchema, onProgress };
    const { notCompared, ...check } = await checkStructure(options);
    return { checks: [check], notCompared };
  });
  await look('visibility map', () => {
    context.progress({ doing: 'checking visibility maps' });
    return checkVisibilityMap({ connection: superuser, databases, signal });
  });
  await look('writes', async () => {
    context.progress({ doing: 'checking that the sandbox takes writes' });
    let shutDown: Found = { checks: [], notCompared: [] };
    const restart = async (): Promise<void> => {
      shutDown = await checkShutDown(tools, sandbox, context);
      await kept.restarted();
    };
    const usable = await checkUsable({ connection: superuser, restart, signal });
    return { checks: [...shutDown.checks, usable], notCompared: shutDown.notCompared };
  });
  // A server that does not start again cannot be vacuumed, and the check above says so.
  if (all.checks.find(({ name }) => name === 'writes')?.status === 'passed') {
    await look('vacuum', () => {
      const onProgress = (database: string): void => context.progress({ doing: `vacuuming ${database}` });
      return checkVacuum({ connection: superuser, databases, signal, onProgress });
    });
  }
  return await inBounds(request, all, 'problems.json');
}

/** What Temporal gets of what was found; where that is only a part, all of it goes into a file beside the evidence. */
export async function inBounds(
  { repository, sandbox }: Pick<ValidateRequest, 'repository' | 'sandbox'>,
  found: Found,
  file: string,
): Promise<Found> {
  const { cut, ...bounded } = boundFindings(found);
  if (!cut) return bounded;
  const problems = found.checks
    .filter((check) => check.problems.length > 0)
    .map(({ name, problems: all }) => ({ name, problems: all }));
  await repository.storage.writeText(
    `${keys.evidence(sandbox.id)}/${file}`,
    `${JSON.stringify({ checks: problems, notCompared: found.notCompared }, null, 1)}\n`,
  );
  return bounded;
}
