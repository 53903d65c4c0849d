import { codeOf, FenceError, messageOf } from '../errors.js';
import type { Connection } from '../postgres/connection.js';
import { applySettings, fixedSettings } from './session-settings.js';

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
  await applySettings(client, {
    ...fixedSettings,
    // Nothing of the user's schemas can step in front of the functions meant here.
    search_path: 'pg_catalog',
    quote_all_identifiers: 'off',
    enable_seqscan: 'on',
    enable_tidscan: 'on',
    statement_timeout: '0',
    lock_timeout: String(Math.ceil(limits.lockTimeoutMs ?? defaultLockTimeoutMs)),
  });
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
