import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';

/** A set of PostgreSQL programs, 17 or newer. */
export interface PostgresTools {
  /** Absolute path of the directory that holds them. */
  binDirectory: string;
  /** As `17.11`, `18rc1`. */
  version: string;
  major: number;
  /** What `LD_LIBRARY_PATH` must begin with; only for those in the cache. */
  libraryDirectory: string | undefined;
  origin: 'configured' | 'path' | 'usual place' | 'cache';
}

/** Incremental backups (`pg_basebackup --incremental`, `pg_combinebackup`) came with this major. */
export const oldestMajor = 17;

/** What pgdrill runs. */
export const neededTools = [
  'postgres',
  'initdb',
  'pg_ctl',
  'pg_basebackup',
  'pg_combinebackup',
  'pg_verifybackup',
  'pg_waldump',
  'pg_checksums',
  'pg_controldata',
  'pg_receivewal',
  'pg_dump',
  'pg_restore',
  'pg_amcheck',
  'psql',
] as const;

/** Only the demo's load needs it, and some distributions pack it apart. */
export const optionalTool = 'pgbench';

/** @returns the absolute path of one program. */
export function toolPath(tools: Pick<PostgresTools, 'binDirectory'>, name: string): string {
  return join(tools.binDirectory, name);
}

/**
 * What a tool's environment must hold besides ours. The cached `libpqwalreceiver.so` looks for its `libpq` where it was
 * built, and then in the system, whose libpq may be older: a standby would not start (the tools themselves would).
 */
export function toolEnvironment(tools: Pick<PostgresTools, 'libraryDirectory'>): Record<string, string> {
  if (tools.libraryDirectory === undefined) return {};
  const existing = process.env['LD_LIBRARY_PATH'];
  return { LD_LIBRARY_PATH: existing ? `${tools.libraryDirectory}:${existing}` : tools.libraryDirectory };
}

/**
 * Reads `postgres --version`: `postgres (PostgreSQL) 17.5 (Debian 17.5-1.pgdg120+1)` is 17.5.
 *
 * @returns undefined where the text is something else.
 */
export function parsePostgresVersion(text: string): { version: string; major: number } | undefined {
  const [, version, major] = /\(PostgreSQL\) ((\d+)(?:\.\d+|devel|beta\d+|rc\d+)*)/.exec(text) ?? [];
  return version === undefined ? undefined : { version, major: Number(major) };
}

/** @returns the needed programs that a directory lacks (or that may not be run). */
export async function missingTools(binDirectory: string): Promise<string[]> {
  const missing: string[] = [];
  for (const name of neededTools) {
    await access(join(binDirectory, name), constants.X_OK).catch(() => missing.push(name));
  }
  return missing;
}
