import type { Conninfo } from '../../postgres/conninfo.js';
import { withConnection } from '../../postgres/connection.js';
import type { Check } from '../../schema/results.js';
import { beginReading, fixSessionSettings } from '../reading-session.js';
import { listRelations } from './list-relations.js';
import { readUnlogged } from './read-relation.js';

/** The check `unlogged` where nothing is known of the source: each unlogged table that is there must be readable and empty. */
export async function checkUnlogged(
  connection: Conninfo,
  databases: readonly string[],
  signal: AbortSignal,
): Promise<Check> {
  const started = performance.now();
  const problems: Check['problems'] = [];
  let tables = 0;
  for (const dbname of databases) {
    await withConnection(
      connection,
      async (client) => {
        await fixSessionSettings(client);
        await beginReading(client, undefined);
        const unlogged = (await listRelations(client)).filter((relation) => relation.unlogged);
        await client.query('commit');
        tables += unlogged.length;
        for (const relation of unlogged) {
          const { schema, name, empty, unreadable } = await readUnlogged(client, relation);
          const object = `${dbname}.${schema}.${name}`;
          if (unreadable !== undefined) problems.push({ object, detail: `cannot be read: ${unreadable}` });
          else if (empty !== true) problems.push({ object, detail: 'is not empty, as recovery must leave it' });
        }
      },
      { overrides: { dbname }, signal },
    );
  }
  return {
    name: 'unlogged',
    status: problems.length > 0 ? 'failed' : 'passed',
    summary: summarizeUnlogged(tables, problems.length),
    figures: { tables, differing: problems.length },
    problems,
    seconds: (performance.now() - started) / 1_000,
  };
}

export function summarizeUnlogged(tables: number, wrong: number): string {
  if (wrong > 0) return `${wrong} of ${tables} unlogged tables are not as recovery must leave them.`;
  return tables === 0
    ? 'There are no unlogged tables.'
    : `${tables} unlogged tables came back empty, as they do after every restore.`;
}
