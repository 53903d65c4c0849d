import { randomBytes } from 'node:crypto';

import { codeOf, messageOf, SandboxError } from '../../errors.js';
import type { Conninfo } from '../../postgres/conninfo.js';
import { withConnection } from '../../postgres/connection.js';
import type { Check } from '../../schema/results.js';

export interface UsableOptions {
  /** As superuser of the promoted sandbox. Never to be pointed at the source. */
  connection: Conninfo;
  /** Stops the server cleanly and starts it again. */
  restart: () => Promise<void>;
  signal: AbortSignal;
}

/**
 * Whether the promoted sandbox takes writes and keeps them: makes a schema and a table of its own, writes rows, commits, has the
 * server restarted, reads the rows back, and drops it all again.
 *
 * @returns the check `writes`.
 * @throws UnreachableError, AccessError where there is no connection to be had.
 */
export async function checkUsable({ connection, restart, signal }: UsableOptions): Promise<Check> {
  const startedAt = performance.now();
  const schema = `pgdrill_usable_${randomBytes(6).toString('hex')}`;
  const rowsToWrite = 1_000;
  const problems: Check['problems'] = [];
  const run = async (sql: string): Promise<number> =>
    await withConnection(
      connection,
      async (client) => {
        const results = [await client.query<{ rows: number }>(sql)].flat();
        return results.at(-1)?.rows[0]?.rows ?? 0;
      },
      { signal },
    );
  try {
    await run(`
      begin read write;
      create schema ${schema};
      create table ${schema}.written (id int primary key, note text not null);
      insert into ${schema}.written select i, 'row ' || i from generate_series(1, ${rowsToWrite}) i;
      commit;
    `);
    await restart();
    const found = await run(`select count(*)::int as rows from ${schema}.written where note = 'row ' || id::text`);
    if (found !== rowsToWrite) {
      problems.push({
        object: `${schema}.written`,
        detail: `${rowsToWrite} rows were committed, ${found} came back after a restart`,
      });
    }
    await run(`drop schema ${schema} cascade`);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SandboxError) && !/^[0-9A-Z]{5}$/.test(codeOf(error) ?? '')) throw error;
    problems.push({ object: 'sandbox', detail: messageOf(error) });
    // An aborted transaction leaves nothing; what was committed before the error must not stay either.
    await run(`drop schema if exists ${schema} cascade`).catch(() => undefined);
  }
  return {
    name: 'writes',
    status: problems.length === 0 ? 'passed' : 'failed',
    summary:
      problems.length === 0
        ? `The sandbox takes writes: ${rowsToWrite} rows were committed, and read back after a restart.`
        : `The sandbox does not take writes as it should: ${problems[0]?.detail ?? ''}`,
    figures: { rows: rowsToWrite },
    problems,
    seconds: (performance.now() - startedAt) / 1_000,
  };
}
