import type { Conninfo } from '../../postgres/conninfo.js';
import { withConnection } from '../../postgres/connection.js';
import type { StepContext } from '../../process/step-context.js';
import type { BusinessCheck, KeptCheck } from '../../schema/business-check.js';
import { parseDurationMs } from '../../schema/primitives.js';
import type { Check } from '../../schema/results.js';
import { isAnswer, type Reply, withoutContent } from './answer.js';
import { ask, type Asked, type AskOptions } from './ask.js';
import type { Business, Newest } from './business-schema.js';
import { judgeBusiness } from './judge-business.js';
import { judgeNewest } from './judge-newest.js';
import { listTimestamps, readNewest } from './newest-rows.js';

export interface AskSourceRequest {
  connection: Conninfo;
  checks: readonly BusinessCheck[];
  /** Exported snapshots of the fence, by database. */
  exported: ReadonlyMap<string, string>;
  /** When the fence was taken. */
  asOf: string;
  /** How many questions may be asked at the same time, at least 1. */
  connections: number;
}

/** Asks the source all business checks at the fence, and where its indexed timestamps end. */
export async function askSource(request: AskSourceRequest, context: StepContext): Promise<Business> {
  const { connection, exported, asOf } = request;
  const { signal } = context;
  const usual = request.checks.every(({ database }) => database !== undefined)
    ? ''
    : await currentDatabase(connection, signal);
  const replies = await inParallel(request.checks, request.connections, async (each) => {
    const check = { ...each, database: each.database ?? usual };
    const snapshot = exported.get(check.database);
    context.progress({ doing: `asking the source: ${check.name}` });
    const { settings, ...reply } =
      snapshot === undefined
        ? noSuchDatabase(check.database)
        : await askCheck({ connection, database: check.database, snapshot, asOf, signal }, check);
    const { answer } = reply;
    return { check, reply: { ...reply, answer: isAnswer(answer) ? withoutContent(answer) : answer }, settings };
  });
  const newest: Newest[] = [];
  let newestLeftOut = 0;
  for (const [database, snapshot] of exported) {
    const options = { connection, database, snapshot, signal };
    const { columns, leftOut } = await listTimestamps(options);
    newestLeftOut += leftOut;
    newest.push(...(await readNewest(options, columns)));
  }
  return { replies, newest, newestLeftOut };
}

export interface AskSandboxRequest {
  /** As the role that asked the source. */
  connection: Conninfo;
  /** What the source answered; undefined where the drill had another target than the fence. */
  source: Business | undefined;
  /** From the configuration: asked where nothing is known of the source, whose own list wins. */
  checks: readonly BusinessCheck[];
  /** Where checks are asked that name no database. */
  database: string;
  databases: readonly string[];
  /** The moment that was restored, where it is known. */
  asOf: string | undefined;
  connections: number;
}

/** A check with what the source said to it, where it was asked. */
interface Question {
  check: KeptCheck;
  reply?: Reply;
  settings?: Readonly<Record<string, string>>;
}

/** Asks the restored database the same, and judges. @returns one check `business: …` for each question. */
export async function checkBusiness(request: AskSandboxRequest, context: StepContext): Promise<Check[]> {
  const { connection, source, asOf } = request;
  const { signal } = context;
  const questions: readonly Question[] =
    source?.replies ??
    request.checks.map((check) => ({ check: { ...check, database: check.database ?? request.database } }));
  return await inParallel(questions, request.connections, async ({ check, reply, settings }) => {
    context.progress({ doing: `asking the restored database: ${check.name}` });
    const asked = await askCheck({ connection, database: check.database, asOf, settings, signal }, check);
    const judged = judgeBusiness({ expect: check.expect, source: reply?.answer, restored: asked.answer, asOf });
    return { name: `business: ${check.name}`, ...judged, problems: [], seconds: asked.seconds };
  });
}

/** Reads in the restored database where the indexed timestamps end, and judges. @returns the check `newest rows`. */
export async function checkNewest(request: AskSandboxRequest, context: StepContext): Promise<Check> {
  const started = performance.now();
  const { connection, source, asOf } = request;
  const restored: Newest[] = [];
  for (const database of request.databases) {
    const options = { connection, database, signal: context.signal };
    const columns =
      source === undefined
        ? (await listTimestamps(options)).columns
        : source.newest.filter((each) => each.database === database);
    restored.push(...(await readNewest(options, columns)));
  }
  const theirs = source === undefined ? undefined : { newest: source.newest, leftOut: source.newestLeftOut };
  const judged = judgeNewest({ source: theirs, restored, asOf });
  return { ...judged, seconds: (performance.now() - started) / 1_000 };
}

async function askCheck(options: AskOptions, check: KeptCheck): Promise<Asked> {
  // The schema has let only durations through.
  return await ask(options, { sql: check.sql, timeoutMs: parseDurationMs(check.timeout) ?? 0 });
}

function noSuchDatabase(database: string): Asked {
  const reason = `there is no database "${database}" that takes connections`;
  return { answer: { cause: 'refusal', reason }, settings: {}, seconds: 0 };
}

async function currentDatabase(connection: Conninfo, signal: AbortSignal): Promise<string> {
  return await withConnection(
    connection,
    async (client) => {
      const { rows } = await client.query<{ name: string }>('select current_database() as name');
      return rows[0]?.name ?? '';
    },
    { signal },
  );
}

/** Works on all items, a few at a time. @returns the results in the items' order. */
async function inParallel<T, R>(items: readonly T[], workers: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) results[next[0]] = await work(next[1]);
  };
  const running = Array.from({ length: Math.min(Math.max(workers, 1), items.length) }, worker);
  try {
    await Promise.all(running);
  } finally {
    // After an error the others take nothing new, and none goes on unseen.
    queue.length = 0;
    await Promise.allSettled(running);
  }
  return results;
}
