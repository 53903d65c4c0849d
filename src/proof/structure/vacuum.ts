import { codeOf, messageOf } from '../../errors.js';
import type { Conninfo } from '../../postgres/conninfo.js';
import { type Connection, withConnection } from '../../postgres/connection.js';
import type { Check } from '../../schema/results.js';

export interface VacuumOptions {
  /** As superuser of the promoted sandbox. */
  connection: Conninfo;
  databases: readonly string[];
  signal: AbortSignal;
  onProgress?: (database: string) => void;
}

/**
 * The check `vacuum`: every database as a whole. VACUUM decodes the commit status of every tuple that is not frozen yet, follows the
 * line pointers that it removes into all indexes, of whatever kind, and rewrites pages: it ends in an error where clog or pages are
 * not sound. Its cost is bounded by the visibility maps: pages that are all-visible are passed by.
 *
 * To come last: it changes pages, so no other check would see what was restored.
 */
export async function checkVacuum(options: VacuumOptions): Promise<Check> {
  const startedAt = performance.now();
  const problems: Check['problems'] = [];
  const skipped: Check['problems'] = [];
  for (const database of options.databases) {
    options.onProgress?.(database);
    await withConnection(
      options.connection,
      async (client) => {
        await client.query(`set statement_timeout = 0`);
        skipped.push(...(await listLocked(client, database)));
        try {
          // A prepared transaction may hold a lock for ever.
          await client.query(`vacuum (skip_locked)`);
        } catch (error) {
          const code = codeOf(error) ?? '';
          if (!/^[0-9A-Z]{5}$/.test(code) || code.startsWith('57P') || code.startsWith('08')) throw error;
          problems.push({ object: relationOf(database, error), detail: messageOf(error) });
        }
      },
      { overrides: { dbname: database }, signal: options.signal },
    );
  }
  const { length } = options.databases;
  return {
    name: 'vacuum',
    status: problems.length > 0 ? 'failed' : skipped.length > 0 ? 'unproven' : 'passed',
    summary:
      problems.length > 0
        ? `${problems.length} of ${length} databases cannot be vacuumed.`
        : skipped.length > 0
          ? `${skipped.length} tables are locked by prepared transactions, and were not vacuumed.`
          : `All ${length} databases were vacuumed as a whole.`,
    figures: { databases: length, broken: problems.length },
    problems: [...problems, ...skipped],
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

/** Tables that prepared transactions hold against VACUUM, which passes them by without a word (manual, "Explicit Locking"). */
async function listLocked(client: Connection, database: string): Promise<Check['problems']> {
  const { rows } = await client.query<{ name: string; mode: string }>(`
    select distinct n.nspname || '.' || c.relname as name, l.mode
    from pg_locks l
    join pg_class c on c.oid = l.relation and c.relkind in ('r', 'm', 't')
    join pg_namespace n on n.oid = c.relnamespace
    where l.pid is null
      and l.granted
      and l.database in (0, (select oid from pg_database where datname = current_database()))
      and l.mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
    order by 1
  `);
  return rows.map(({ name, mode }) => ({
    object: `${database}.${name}`,
    detail: `a prepared transaction holds ${mode} on it`,
  }));
}

/** VACUUM says where it was in the error's context: `while scanning block 3 of relation "public.orders"`. */
function relationOf(database: string, error: unknown): string {
  const where = error instanceof Error && 'where' in error && typeof error.where === 'string' ? error.where : '';
  const relation = /relation "([^"]+)"/.exec(where)?.[1];
  return relation === undefined ? database : `${database}.${relation}`;
}
