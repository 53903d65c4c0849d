import { codeOf, messageOf } from '../../errors.js';
import type { Connection } from '../../postgres/connection.js';
import type { Check } from '../../schema/results.js';

/**
 * Checks every GIN index of a database with `gin_index_check` (amcheck 1.5, PostgreSQL 18): parent and child pages agree and keys are
 * in order. It does not look for heap rows that the index lacks.
 *
 * @returns undefined where the function is not there: then GIN indexes are not checked.
 */
export async function checkGinIndexes(
  client: Connection,
  database: string,
): Promise<{ indexes: number; problems: Check['problems'] } | undefined> {
  const found = await client.query<{ check: string }>(`
    select format('%I.%I', p.pronamespace::regnamespace, p.proname) as check
    from pg_catalog.pg_proc p
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    join pg_catalog.pg_extension e on e.oid = d.refobjid and e.extname = 'amcheck'
    where p.proname = 'gin_index_check'
  `);
  const check = found.rows[0]?.check;
  if (check === undefined) return undefined;
  const { rows } = await client.query<{ oid: string; name: string }>(`
    select c.oid::text as oid, n.nspname || '.' || c.relname as name
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_am a on a.oid = c.relam and a.amname = 'gin'
    join pg_catalog.pg_index i on i.indexrelid = c.oid and i.indisvalid
    where c.relkind = 'i' and c.relpersistence = 'p'
    order by 2
  `);
  const problems: Check['problems'] = [];
  for (const { oid, name } of rows) {
    try {
      await client.query(`select ${check}($1::oid::regclass)`, [oid]);
    } catch (error) {
      const code = codeOf(error) ?? '';
      if (!/^[0-9A-Z]{5}$/.test(code) || code.startsWith('57P') || code.startsWith('08')) throw error;
      problems.push({ object: `${database}.${name}`, detail: messageOf(error) });
    }
  }
  return { indexes: rows.length, problems };
}
