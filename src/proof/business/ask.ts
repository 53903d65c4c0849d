import { AccessError } from '../../errors.js';
import type { Conninfo } from '../../postgres/conninfo.js';
import { type Connection, withConnection } from '../../postgres/connection.js';
import { type Answer, answerOf, type NoAnswer, type Reply } from './answer.js';
import { explainNoAnswer } from './explain-no-answer.js';
import { beginReading } from '../reading-session.js';
import { replacedTables } from './replaced-tables.js';
import { applySettings, fixedSettings } from '../session-settings.js';

export interface Question {
  sql: string;
  timeoutMs: number;
}

export interface AskOptions {
  connection: Conninfo;
  database: string;
  /** As pg_export_snapshot() gave it, *in this database*. The sandbox stands still and needs none. */
  snapshot?: string | undefined;
  /** The moment that the answer is of, for `current_setting('pgdrill.as_of')`. */
  asOf?: string | undefined;
  /** Settings that the other side was asked with: `Asked.settings`. */
  settings?: Readonly<Record<string, string>> | undefined;
  signal: AbortSignal;
}

export interface Asked extends Reply {
  /** Settings of the session that decide what a query means. The sandbox knows the source's `postgresql.conf` not, so it is told. */
  settings: Record<string, string>;
}

const keptSettings = ['search_path', 'default_text_search_config'];

/** More than a person reads, far below what fills the memory. */
const mostRows = 10_000;

/**
 * Asks one query of a database, so that nothing can come of it but an answer: in a read-only transaction that is rolled back, on a
 * session of its own, never as a superuser. The query is opened as a cursor, and by the extended protocol: the first takes
 * queries only (no `commit`, no `prepare transaction`, no `copy … to program`), the second one statement only.
 *
 * @returns the answer, or why there is none.
 * @throws only where nothing can be asked any more: FenceError when the snapshot is gone, UnreachableError when the server is.
 */
export async function ask(options: AskOptions, question: Question): Promise<Asked> {
  const started = performance.now();
  const settings: Record<string, string> = {};
  const answer = await answerTo(options, question, settings);
  return { answer, settings, seconds: (performance.now() - started) / 1_000 };
}

async function answerTo(
  options: AskOptions,
  question: Question,
  settings: Record<string, string>,
): Promise<Answer | NoAnswer> {
  try {
    return await withConnection(
      options.connection,
      async (client) => {
        if (await isSuperuser(client)) return asSuperuser;
        await fixSettings(client, options, question.timeoutMs);
        await beginReading(client, options.snapshot);
        // Also the transaction's first query: from now on it cannot be made `read write` any more.
        Object.assign(settings, await readSettings(client));
        return await answerIn(client, options, question);
      },
      { overrides: { dbname: options.database }, signal: options.signal },
    );
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    return { cause: 'refusal', reason: error.explanation.what.replace(/\.$/, '') };
  }
}

async function answerIn(client: Connection, options: AskOptions, question: Question): Promise<Answer | NoAnswer> {
  try {
    // A name makes `pg` use the extended protocol.
    await client.query({ name: 'pgdrill-ask', text: `declare pgdrill_answer no scroll cursor for ${question.sql}` });
    const { fields, rows } = await client.query<(string | null)[]>({
      text: `fetch forward ${mostRows + 1} from pgdrill_answer`,
      rowMode: 'array',
      types: { getTypeParser: () => (text: string) => text },
    });
    const replaced = options.snapshot === undefined ? [] : await replacedTables(client);
    await client.query('rollback');
    if (replaced.length > 0) {
      const reason = `${replaced.join(', ')} was truncated, rewritten or replaced on the source after the fence (TRUNCATE, ALTER TABLE, VACUUM FULL, CLUSTER, REFRESH)`;
      return { cause: 'circumstance', reason };
    }
    if (rows.length > mostRows) {
      return { cause: 'circumstance', reason: `the answer has more than ${mostRows} rows: let the query sum them up` };
    }
    return answerOf(
      fields.map(({ dataTypeID }) => dataTypeID),
      rows,
    );
  } catch (error) {
    return explainNoAnswer(error, question.timeoutMs);
  }
}

const asSuperuser: NoAnswer = {
  cause: 'circumstance',
  reason:
    'the role of the connection is a superuser, and SQL from a configuration is not run as one (use a role such as pgdrill doctor --fix sets up)',
};

async function isSuperuser(client: Connection): Promise<boolean> {
  const { rows } = await client.query<{ yes: boolean }>(
    `select pg_catalog.current_setting('is_superuser')::pg_catalog.bool as yes`,
  );
  return rows[0]?.yes ?? true;
}

/** Fixes what could change how an answer prints or what it costs. The user's search_path stays: it belongs to the query. */
async function fixSettings(client: Connection, options: AskOptions, timeoutMs: number): Promise<void> {
  await applySettings(client, {
    ...options.settings,
    ...(options.asOf === undefined ? {} : { 'pgdrill.as_of': options.asOf }),
    ...fixedSettings,
    default_transaction_read_only: 'on',
    // 0 would mean no limit.
    statement_timeout: String(Math.max(1, Math.ceil(timeoutMs))),
    // Waiting longer behind somebody's ALTER TABLE would only lengthen the queue behind it.
    lock_timeout: String(Math.max(1, Math.min(30_000, Math.ceil(timeoutMs)))),
    lc_numeric: 'C',
    lc_time: 'C',
    // Rows in the order in which they lie: else the sum of floating-point numbers differs from one reading to the next.
    synchronize_seqscans: 'off',
    // The whole answer is fetched, at once.
    cursor_tuple_fraction: '1',
  });
}

async function readSettings(client: Connection): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; setting: string }>(
    `select name, pg_catalog.current_setting(name) as setting from pg_catalog.unnest($1::pg_catalog.text[]) as name`,
    [keptSettings],
  );
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}
