import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill worker`: a worker in the foreground, for a Temporal server of one's own. */
export function addWorker(program: Command, run: Runner): void {
  program
    .command('worker')
    .description(
      'run a worker in the foreground, for a Temporal server of your own (TEMPORAL_ADDRESS or a TOML profile)',
    )
    .addHelpText('after', '\nExample:\n  TEMPORAL_ADDRESS=temporal.internal:7233 pgdrill worker')
    .action(run(async () => (await import('../worker.js')).worker));
}
