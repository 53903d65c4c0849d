import { PgdrillError } from '../src/errors.js';
import { ensurePostgres } from '../src/toolchain/postgres.js';
import { ensureTemporal } from '../src/toolchain/temporal.js';

// Makes sure that PostgreSQL and Temporal are on this machine, for the tests and for images that are built beforehand:
// `node dist/scripts/install-toolchain.js [major…]`. Silent when they are.
const progress = (line: string): void => console.error(line);

try {
  const majors = process.argv.slice(2).map(Number);
  for (const major of majors.length === 0 ? [17] : majors) await ensurePostgres({ progress, major });
  await ensureTemporal({ progress });
} catch (error) {
  console.error(error instanceof PgdrillError ? error.message : error);
  process.exitCode = error instanceof PgdrillError ? error.exitCode : 1;
}
