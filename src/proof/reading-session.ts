import { codeOf, FenceError, messageOf } from '../errors.js';
import type { Connection } from '../postgres/connection.js';

/** Waiting behind somebody's ALTER TABLE for longer would only lengthen the queue behind it. */
const defaultLockTimeoutMs = 30_000;

export interface ReadingLimits {
  /** Milliseconds to wait for one lock; 30,000 by default. */
  lockTimeoutMs?: number | undefined;
}

/**
 * Fixes every setting that could change what a reading answers or costs, whatever role, database or server say.
 */
export async function fixSessionSettings(client: Connection, limits: ReadingLimits = {}): Promise<void> {
  const settings = {
    // Nothing of the user's schemas can step in front of the functions meant here.
    search_path: 'pg_catalog',
    // Rows that a policy hides must end in an error, never in a silently smaller table.
    row_security: 'off',
    // Output formats, for the types that are hashed as they print.
    datestyle: 'ISO, YMD',
    intervalstyle: 'postgres',
    timezone: 'UTC',
    extra_float_digits: '1',
    bytea_output: 'hex',
    lc_monetary: 'C',
    quote_all_identifiers: 'off',
    enable_seqscan: 'on',
    enable_tidscan: 'on',
    // One core a connection: the caller decides how many the source can spare.
    max_parallel_workers_per_gather: '0',
    jit: 'off',
    statement_timeout: '0',
    lock_timeout: String(Math.ceil(limits.lockTimeoutMs ?? defaultLockTimeoutMs)),
    transaction_timeout: '0',
    idle_in_transaction_session_timeout: '0',
  };
  await client.query('select set_config(key, value, false) from pg_catalog.json_each_text($1::pg_catalog.json)', [
    JSON.stringify(settings),
  ]);
  // The send functions convert to the client's encoding. Without a conversion nothing can fail, and UTF8 takes all others.
  await client.query(
    `select set_config('client_encoding', case current_setting('server_encoding') when 'SQL_ASCII' then 'SQL_ASCII' else 'UTF8' end, false)`,
  );
  // Else a server goes on reading a big table long after its client is gone. Not every platform can look.
  await client.query(`set client_connection_check_interval = '1s'`).catch(() => undefined);
}

/**
 * Begins a transaction that sees exactly the exported snapshot (manual, SET TRANSACTION SNAPSHOT), or, without one, its own.
 *
 * @param settings further statements, such as `set local …`, to begin it with.
 * @throws FenceError when the snapshot is gone, because the session that exported it is.
 */
export async function beginReading(
  client: Connection,
  snapshot: string | undefined,
  settings: readonly string[] = [],
): Promise<void> {
  const statements = [
    'begin isolation level repeatable read read only',
    ...(snapshot === undefined ? [] : [`set transaction snapshot ${client.escapeLiteral(snapshot)}`]),
    ...settings,
  ];
  try {
    await client.query(statements.join(';')); // one round trip
  } catch (error) {
    // 42704: no such snapshot; 22023: not even the form of one.
    if (snapshot === undefined || (codeOf(error) !== '42704' && codeOf(error) !== '22023')) throw error;
    throw new FenceError(
      {
        what: `The source's snapshot ${snapshot} cannot be used any more: ${messageOf(error)}`,
        means: 'The session that held the fence open has ended, so the source at the fence cannot be read to the end.',
        todo: 'Nothing: another fence is taken. If it happens again, look for what ends idle transactions on the source.',
      },
      { cause: error },
    );
  }
}
