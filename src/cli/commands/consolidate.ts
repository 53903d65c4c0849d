import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill consolidate CLUSTER`: make one full backup of a chain, without the source. */
export function addConsolidate(program: Command, run: Runner): void {
  program
    .command('consolidate')
    .description('make one full backup of a chain in the repository, verified; the source is not asked')
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--up-to <backup>', 'the last backup of the chain (default: the newest that can be restored)')
    .option('--id <id>', 'the workflow id (default: consolidate-CLUSTER-TIME)')
    .addHelpText('after', '\nExample:\n  pgdrill consolidate shop --up-to 20261124T020000Z-incremental')
    .action(run(async () => (await import('../consolidate.js')).consolidate));
}
