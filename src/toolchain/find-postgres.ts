import { readdir } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

import { exists } from '../files/durable.js';
import { ToolchainError } from '../errors.js';
import { runTool } from '../process/run-tool.js';
import { assertReachable, cacheDirectory } from './cache-directory.js';
import { reasonOf } from './failure-text.js';
import { missingTools, oldestMajor, parsePostgresVersion, toolPath, type PostgresTools } from './postgres-tools.js';
import { readEntry } from './stamp.js';
import { cacheEntryOf, defaultMajor, installableMajors, versionOf, type SupportedMajor } from './wheel-pins.js';

/** Where packages and builds put PostgreSQL; `*` stands for a version, of which the highest is looked at first. */
const usualPlaces = [
  '/usr/lib/postgresql/*/bin',
  '/usr/pgsql-*/bin',
  '/usr/lib/postgresql*/bin',
  '/usr/libexec/postgresql*',
  '/usr/local/pgsql/bin',
  '/opt/homebrew/opt/postgresql@*/bin',
  '/usr/local/opt/postgresql@*/bin',
  '/opt/local/lib/postgresql*/bin',
  '/Applications/Postgres.app/Contents/Versions/*/bin',
];

/**
 * Looks for PostgreSQL 17 or newer: `PGDRILL_PG_BIN`, `PATH`, the usual places, pgdrill's cache, in this order.
 *
 * @param options.major this major exactly; `PGDRILL_PG_BIN` is passed over if it is another supported one
 * @returns undefined when there is none.
 * @throws ToolchainError when `PGDRILL_PG_BIN` is set to something that cannot be used: it is never silently ignored.
 */
export async function findPostgres(options: { major?: number | undefined } = {}): Promise<PostgresTools | undefined> {
  const fits = (tools: PostgresTools): boolean => options.major === undefined || tools.major === options.major;
  const configured = process.env['PGDRILL_PG_BIN'];
  if (configured) {
    const tools = await configuredPostgres(configured);
    if (fits(tools)) return tools;
  }
  for (const [origin, directories] of [
    ['path', (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute)],
    ['usual place', await placesOnThisMachine()],
  ] as const) {
    for (const binDirectory of new Set(directories)) {
      if (!(await exists(join(binDirectory, 'postgres')).catch(() => false))) continue;
      const tools = await inspect(binDirectory, origin).catch(() => undefined);
      if (tools !== undefined && fits(tools)) return tools;
    }
  }
  for (const major of [defaultMajor, ...installableMajors.filter((other) => other !== defaultMajor)]) {
    const tools = options.major === undefined || options.major === major ? await cachedPostgres(major) : undefined;
    if (tools !== undefined) return tools;
  }
  return undefined;
}

/**
 * The PostgreSQL in the cache, as its stamp says.
 *
 * @returns undefined when it is not there, or damaged.
 */
export async function cachedPostgres(major: SupportedMajor): Promise<PostgresTools | undefined> {
  const directory = join(cacheDirectory(), cacheEntryOf(major));
  if ((await readEntry(directory)).is !== 'whole') return undefined;
  await assertReachable(directory);
  return toolsInCache(directory, major);
}

/** Describes a cache entry (or one that is being filled) without looking at it. */
export function toolsInCache(directory: string, major: SupportedMajor): PostgresTools {
  return {
    binDirectory: join(directory, 'bin'),
    version: versionOf(major),
    major,
    libraryDirectory: join(directory, 'lib'),
    origin: 'cache',
  };
}

async function configuredPostgres(binDirectory: string): Promise<PostgresTools> {
  try {
    if (!isAbsolute(binDirectory)) throw new Error('it is not an absolute path');
    return await inspect(binDirectory, 'configured');
  } catch (error) {
    throw new ToolchainError(
      {
        what: `PGDRILL_PG_BIN is set to ${binDirectory}, which cannot be used: ${reasonOf(error)}`,
        means: `pgdrill uses the PostgreSQL named there and no other; it must be ${oldestMajor} or newer, and complete.`,
        todo: 'Name the directory that holds `postgres` and its tools, such as /usr/lib/postgresql/17/bin, or unset PGDRILL_PG_BIN.',
      },
      { cause: error },
    );
  }
}

/** @throws Error saying why the programs in a directory cannot be used. */
async function inspect(binDirectory: string, origin: PostgresTools['origin']): Promise<PostgresTools> {
  const missing = await missingTools(binDirectory);
  if (missing.length > 0) throw new Error(`it does not hold ${missing.join(', ')}`);
  // As the server user where we are root: a program that only root can reach is of no use.
  const { stdout } = await runTool({ file: toolPath({ binDirectory }, 'postgres'), args: ['--version'] });
  const version = parsePostgresVersion(stdout);
  if (version === undefined) throw new Error(`its version is not understood: ${stdout.trim()}`);
  if (version.major < oldestMajor) throw new Error(`it is PostgreSQL ${version.version}, too old`);
  return { binDirectory, ...version, libraryDirectory: undefined, origin };
}

async function placesOnThisMachine(): Promise<string[]> {
  const found: string[] = [];
  for (const place of usualPlaces) {
    const parts = place.split('/');
    const star = parts.findIndex((part) => part.includes('*'));
    if (star < 0) {
      found.push(place);
      continue;
    }
    const parent = parts.slice(0, star).join('/');
    const [before = '', after = ''] = (parts[star] ?? '').split('*');
    const names = (await readdir(parent).catch(() => []))
      .filter((name) => name.startsWith(before) && name.endsWith(after) && /^[\d.]+$/.test(name.slice(before.length)))
      .sort((a, b) => Number.parseFloat(b.slice(before.length)) - Number.parseFloat(a.slice(before.length)));
    found.push(...names.map((name) => [parent, name, ...parts.slice(star + 1)].join('/')));
  }
  return found;
}
