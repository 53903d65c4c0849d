import { codeOf, messageOf } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { withConnection } from '../postgres/connection.js';
import type { Check } from '../schema/results.js';

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
  for (const database of options.databases) {
    options.onProgress?.(database);
    await withConnection(
      options.connection,
      async (client) => {
        await client.query(`set statement_timeout = 0; set lock_timeout = 0`);
        try {
          await client.query(`vacuum`);
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
    status: problems.length === 0 ? 'passed' : 'failed',
    summary:
      problems.length === 0
        ? `All ${length} databases were vacuumed as a whole.`
        : `${problems.length} of ${length} databases cannot be vacuumed.`,
    figures: { databases: length, broken: problems.length },
    problems,
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

/** VACUUM says where it was in the error's context: `while scanning block 3 of relation "public.orders"`. */
function relationOf(database: string, error: unknown): string {
  const where = error instanceof Error && 'where' in error && typeof error.where === 'string' ? error.where : '';
  const relation = /relation "([^"]+)"/.exec(where)?.[1];
  return relation === undefined ? database : `${database}.${relation}`;
}
