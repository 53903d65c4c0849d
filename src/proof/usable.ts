import { randomBytes } from 'node:crypto';

import { codeOf, messageOf } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { withConnection } from '../postgres/connection.js';
import type { Check } from '../schema/results.js';

/**
 * Whether the promoted sandbox takes writes and keeps them: makes a schema and a table of its own, writes rows, commits, reads
 * them back on a new connection, and drops it all again. Never to be pointed at the source.
 *
 * @returns the check `writes`.
 * @throws UnreachableError, AccessError where there is no connection to be had.
 */
export async function checkUsable(connection: Conninfo, signal?: AbortSignal): Promise<Check> {
  const startedAt = performance.now();
  const schema = `pgdrill_usable_${randomBytes(6).toString('hex')}`;
  const options = signal === undefined ? {} : { signal };
  const rowsToWrite = 1_000;
  const problems: Check['problems'] = [];
  const attempt = async (sql: string): Promise<number> =>
    await withConnection(
      connection,
      async (client) => {
        const { rows } = await client.query<{ rows: number }>(sql);
        return rows[0]?.rows ?? 0;
      },
      options,
    );
  try {
    await withConnection(
      connection,
      async (client) => {
        await client.query(`
          begin read write;
          create schema ${schema};
          create table ${schema}.written (id int primary key, note text not null);
          insert into ${schema}.written select i, 'row ' || i from generate_series(1, ${rowsToWrite}) i;
          commit;
        `);
      },
      options,
    );
    const found = await attempt(`select count(*)::int as rows from ${schema}.written where note = 'row ' || id::text`);
    if (found !== rowsToWrite) {
      problems.push({ object: `${schema}.written`, detail: `${rowsToWrite} rows were committed, ${found} came back` });
    }
    await attempt(`drop schema ${schema} cascade`);
  } catch (error) {
    if (!/^[0-9A-Z]{5}$/.test(codeOf(error) ?? '')) throw error;
    problems.push({ object: 'sandbox', detail: messageOf(error) });
    // An aborted transaction leaves nothing; what was committed before the error must not stay either.
    await attempt(`drop schema if exists ${schema} cascade`).catch(() => undefined);
  }
  return {
    name: 'writes',
    status: problems.length === 0 ? 'passed' : 'failed',
    summary:
      problems.length === 0
        ? `The sandbox takes writes: ${rowsToWrite} rows were committed and read back on another connection.`
        : `The sandbox does not take writes as it should: ${problems[0]?.detail ?? ''}`,
    figures: { rows: rowsToWrite },
    problems,
    seconds: (performance.now() - startedAt) / 1_000,
  };
}
