import { type Conninfo, formatConninfo } from '../../postgres/conninfo.js';
import { SourceNotReadyError, ToolError } from '../../errors.js';
import { runTool, type ToolResult, type ToolRun } from '../../process/run-tool.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../../toolchain/postgres.js';
import { catalogLines, sharedCatalogLines } from './catalog-lines.js';
import { normalizeDump, normalizeGlobals } from './normalize-dump.js';

export interface SchemaDumpOptions {
  tools: PostgresTools;
  /** The role must be the same on source and sandbox: pg_dump shows a role what it may see. */
  connection: Conninfo;
  signal: AbortSignal;
}

/**
 * Everything `pg_dump --schema-only` shows of a database, and what it leaves out (`catalogLines`), as comparable text. With
 * `--create`, so that the database's own owner, privileges, locale and settings are in it. Subscriptions come from the catalogs:
 * pg_dump reads them as superuser only.
 *
 * pg_dump locks all tables in ACCESS SHARE mode, for as long as it takes to read the catalogs.
 *
 * @param options.snapshot as exported *in this database*.
 * @throws ToolError where pg_dump fails, as it does when a table was dropped after the snapshot: a new fence mends that.
 */
export async function dumpSchema(
  options: SchemaDumpOptions & { database: string; snapshot?: string | undefined; lockTimeoutMs?: number },
): Promise<string> {
  const connection = { ...options.connection, dbname: options.database };
  const { stdout } = await runDump({
    file: toolPath(options.tools, 'pg_dump'),
    args: [
      '--schema-only',
      '--create',
      // Else in the database's own, of which every byte that is not ASCII would be read as the same unknown character.
      '--encoding=UTF8',
      '--no-subscriptions',
      `--lock-wait-timeout=${options.lockTimeoutMs ?? 30_000}`,
      ...(options.snapshot === undefined ? [] : [`--snapshot=${options.snapshot}`]),
      `--dbname=${formatConninfo(connection)}`,
    ],
    env: toolEnvironment(options.tools),
    signal: options.signal,
  });
  return `${normalizeDump(stdout)}\n${(await catalogLines({ ...options, connection })).join('\n')}`;
}

/** pg_dump takes a lock on each table, all at once: so many must fit into the server's lock table. */
async function runDump(run: ToolRun): Promise<ToolResult> {
  // Only here: the statement that pg_dump quotes last names every table, and fills all that an error keeps of what it said.
  const seen = { outOfLocks: false };
  const onStderrLine = (line: string): void => {
    seen.outOfLocks ||= line.includes('max_locks_per_transaction');
  };
  try {
    return await runTool({ ...run, onStderrLine });
  } catch (error) {
    if (!(error instanceof ToolError) || !seen.outOfLocks) throw error;
    throw new SourceNotReadyError(
      {
        what: 'pg_dump cannot lock all tables of a database at once: the server’s lock table is full.',
        means: 'The schema could not be read, so it could not be compared. Nobody could dump this database now.',
        todo: 'Raise max_locks_per_transaction on the server and restart it (pgdrill doctor says how far).',
      },
      { cause: error },
    );
  }
}

/**
 * Roles, their memberships and settings, tablespaces and parameter privileges, as `pg_dumpall --globals-only` shows them, without
 * passwords; and which databases there are. pg_dumpall takes no snapshot: so the source's are read before and after the fence, and what differs between those
 * two readings cannot be judged.
 */
export async function dumpGlobals(options: SchemaDumpOptions): Promise<string> {
  const { stdout } = await runTool({
    file: toolPath(options.tools, 'pg_dumpall'),
    args: [
      '--globals-only',
      '--encoding=UTF8',
      '--no-role-passwords',
      `--dbname=${formatConninfo({ ...options.connection, dbname: options.connection['dbname'] ?? 'postgres' })}`,
    ],
    env: toolEnvironment(options.tools),
    signal: options.signal,
  });
  return `${normalizeGlobals(stdout)}\n${(await sharedCatalogLines(options)).join('\n')}`;
}
