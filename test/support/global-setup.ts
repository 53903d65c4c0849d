import { ensurePostgres } from '../../src/toolchain/postgres.js';

/**
 * Runs once before all suites: makes sure that PostgreSQL is there, so that no test's clock pays for a download. Temporal is looked for
 * by the tests that need it, since building it takes minutes.
 */
export async function setup(): Promise<void> {
  await ensurePostgres({ progress: (line) => process.stderr.write(`${line}\n`), major: 17 });
}
