import { join } from 'node:path';

import { stopInstance, waitUntilReady } from '../postgres/instance.js';
import { startSandbox } from '../restore/replay.js';
import { sandboxLog } from '../restore/sandbox.js';
import { withPageChecksum } from '../postgres/page.js';
import { one, rewriteRow } from './break-rows.js';
import { blockBytes } from './choose-row.js';
import type { Break, RestoredContext } from './context.js';
import { nothingToBreak } from './nothing-to-break.js';
import { breakInDatabases, inRestored, listTables } from './restored-database.js';

/** How long the restored server may take to come up again: it was stopped cleanly. */
const startTimeoutMs = 5 * 60_000;

/** PostgreSQL source, visibilitymap.c. */
const mapHeaderBytes = 24;
const heapPagesAMapPage = (blockBytes - mapHeaderBytes) * 4;

/** Larger tables are passed by: they are vacuumed here to get a map. */
const mostTableBytes = 64 * 1024 * 1024;

/** A page that holds a dead row is marked all-visible, with the server down: an index-only scan would bring the row back. */
export const staleVisibilityMap: Break<RestoredContext> = async (context) => {
  let found = { path: '', table: '', database: '', page: -1 };
  await breakInDatabases(
    context,
    async (client) => {
      const tables = await listTables(client);
      const small = await client.query<{ name: string }>(
        `select format('%I.%I', relnamespace::regnamespace, relname) as name from pg_class
          where relkind = 'r' and pg_relation_size(oid) between 1 and ${mostTableBytes}`,
      );
      const names = new Set(small.rows.map(({ name }) => name));
      return tables.filter(({ name }) => names.has(name));
    },
    async (client, table, database) => {
      // VACUUM makes the map; it cannot run inside the transaction that would be rolled back.
      await client.query('commit');
      await client.query(`vacuum (freeze) ${table.name}`);
      await client.query('begin');
      const place = await rewriteRow(client, table);
      const path = await one(
        client,
        `select pg_relation_filepath($1::regclass) as answer where pg_relation_size($1::regclass, 'vm') > 0`,
        [table.name],
      );
      if (place === undefined || path === undefined) return undefined;
      found = { path, table: table.name, database, page: Number(/^\((\d+),/.exec(place)?.[1]) };
      return place;
    },
  );
  if (found.page < 0) throw nothingToBreak('No table with a row is small enough to be vacuumed for a visibility map.');
  await inRestored(context, 'postgres', (client) => client.query('checkpoint'));
  await setVisible(context, found);
  return `the visibility map of table ${found.table} of database ${found.database} calls page ${found.page} all-visible, which holds a dead row`;
};

async function setVisible(context: RestoredContext, { path, page }: { path: string; page: number }): Promise<void> {
  const { tools, sandbox, expendable, signal } = context;
  await stopInstance(tools, sandbox.dataDirectory, 'fast');
  const block = Math.floor(page / heapPagesAMapPage);
  const at = mapHeaderBytes + Math.floor((page % heapPagesAMapPage) / 4);
  const set = (map: Buffer): Buffer => {
    map.writeUInt8((map[at] ?? 0) | (1 << ((page % 4) * 2)), at);
    return withPageChecksum(map, block);
  };
  await expendable.overwrite(join(sandbox.dataDirectory, `${path}_vm`), block * blockBytes, set, blockBytes);
  await startSandbox(tools, sandbox);
  await waitUntilReady(sandbox.dataDirectory, { logFile: sandboxLog(sandbox), timeoutMs: startTimeoutMs, signal });
}
