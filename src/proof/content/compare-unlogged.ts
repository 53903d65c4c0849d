import type { Check } from '../../schema/results.js';
import { databasePairs } from './compare-content.js';
import type { ClusterFingerprint } from '../fingerprint-schema.js';
import { judgeUnlogged, wrongWith } from './judge-unlogged.js';

/**
 * The check `unlogged`: unlogged tables are in no WAL, so every restore empties them (manual, CREATE TABLE, "UNLOGGED"). Each
 * of the source must be there, readable and empty. Whether they matter is for people to know: the summary says how many.
 */
export function compareUnlogged(source: ClusterFingerprint, restored: ClusterFingerprint): Omit<Check, 'seconds'> {
  const problems: Check['problems'] = [];
  let tables = 0;
  for (const { database, before, after } of databasePairs(source, restored)) {
    // A missing database is the content check's to name.
    if (before === undefined || after === undefined) continue;
    tables += before.unlogged.length;
    const keyOf = (table: { schema: string; name: string }): string => JSON.stringify([table.schema, table.name]);
    const restoredTables = new Map(after.unlogged.map((table) => [keyOf(table), table]));
    for (const { schema, name } of before.unlogged) {
      const found = restoredTables.get(keyOf({ schema, name }));
      const detail = found === undefined ? 'is missing' : wrongWith(found);
      if (detail !== undefined) problems.push({ object: `${database}.${schema}.${name}`, detail });
    }
  }
  return judgeUnlogged(tables, problems);
}
