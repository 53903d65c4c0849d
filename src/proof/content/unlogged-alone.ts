import type { Conninfo } from '../../postgres/conninfo.js';
import { withConnection } from '../../postgres/connection.js';
import type { Check } from '../../schema/results.js';
import { beginReading, fixSessionSettings } from '../reading-session.js';
import { judgeUnlogged, wrongWith } from './judge-unlogged.js';
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
          const table = await readUnlogged(client, relation);
          const detail = wrongWith(table);
          if (detail !== undefined) problems.push({ object: `${dbname}.${table.schema}.${table.name}`, detail });
        }
      },
      { overrides: { dbname }, signal },
    );
  }
  return { ...judgeUnlogged(tables, problems), seconds: (performance.now() - started) / 1_000 };
}
