import type { Connection } from '../postgres/connection.js';
import { rewriteRow } from './break-rows.js';
import type { Break, RestoredContext } from './context.js';
import { nothingToBreak } from './nothing-to-break.js';
import { breakInDatabases, listTables, type RestoredTable } from './restored-database.js';

interface IndexedTable extends RestoredTable {
  index: string;
  indexOid: string;
}

/**
 * An index that does not know one row: the row is written again while the catalog says that the index takes no entries. Content and index
 * are well-formed, each by itself.
 */
export const indexEntryLost: Break<RestoredContext> = async (context) => {
  const broke = await breakInDatabases(
    context,
    listIndexed,
    async (client, { index, indexOid, ...table }, database) => {
      const ready = (is: boolean): Promise<unknown> =>
        client.query(`update pg_index set indisready = $2 where indexrelid = $1::oid`, [indexOid, is]);
      await ready(false);
      const place = await rewriteRow(client, table);
      await ready(true);
      return place && `index ${index} of database ${database} has no entry for a row of table ${table.name}`;
    },
  );
  if (broke === undefined) throw nothingToBreak('No table with a row has a B-tree index.');
  return broke;
};

async function listIndexed(client: Connection): Promise<IndexedTable[]> {
  const found: IndexedTable[] = [];
  for (const table of await listTables(client)) {
    const { rows } = await client.query<{ index: string; indexOid: string }>(
      `select i.indexrelid::regclass::text as index, i.indexrelid::text as "indexOid"
         from pg_index i
         join pg_class x on x.oid = i.indexrelid
         join pg_am am on am.oid = x.relam and am.amname = 'btree'
        where i.indrelid = $1::regclass and i.indisvalid and i.indpred is null`,
      [table.name],
    );
    found.push(...rows.map((row) => ({ ...table, ...row })));
  }
  return found;
}
