import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill psql ID`: look around in a restored server while it is paused. */
export function addPsql(program: Command, run: Runner): void {
  program
    .command('psql')
    .description(
      'look around, read-only, in the restored server of a drill or recovery that waits at gate promote or cutover',
    )
    .argument('<id>', 'the workflow id')
    .argument('[psql...]', 'what psql is given besides, after --')
    .option('--print', 'only print the connection string')
    .addHelpText(
      'after',
      '\nExample:\n  pgdrill psql drill-shop-2026-11-22-0200 -- -d shop -c "select max(id) from orders"',
    )
    .action(run(async () => (await import('../psql.js')).psql));
}
