import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill backups CLUSTER`: what the repository holds. It needs neither Temporal nor the source. */
export function addBackups(program: Command, run: Runner): void {
  program
    .command('backups')
    .description('list the backups in the repository, and which of them drills have proven')
    .argument('<cluster>', 'a cluster of the configuration')
    .addHelpText('after', '\nExample:\n  pgdrill backups shop --json')
    .action(run(async () => (await import('../backups.js')).backups));
}
