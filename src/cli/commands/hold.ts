import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill hold|holds|release`: what retention must not delete. */
export function addHold(program: Command, run: Runner): void {
  program
    .command('hold')
    .description('keep a backup, and all that it builds on, whatever retention says')
    .argument('<cluster>', 'a cluster of the configuration')
    .argument('<backup>', 'a backup of pgdrill backups')
    .option('--until <when>', 'a duration such as 90d, or a moment such as 2027-01-31 (default: until it is released)')
    .option('--reason <text>', 'why, for whoever finds it')
    .option('--wal', 'also the WAL from its start on, to restore it to any later moment')
    .addHelpText('after', '\nExample:\n  pgdrill hold shop 20261122T020000Z-full --until 90d --reason "audit 2026"')
    .action(run(async () => (await import('../hold.js')).hold));

  program
    .command('holds')
    .description('list what is held, by whom and until when')
    .argument('[cluster]', 'a cluster of the configuration (default: all)')
    .addHelpText('after', '\nExample:\n  pgdrill holds shop')
    .action(run(async () => (await import('../hold.js')).holds));

  program
    .command('release')
    .description('take a hold away')
    .argument('<cluster>', 'a cluster of the configuration')
    .argument('<hold>', 'its id, as in pgdrill holds')
    .addHelpText('after', '\nExample:\n  pgdrill release shop hold-2026-11-24-1f2e3d4c')
    .action(run(async () => (await import('../hold.js')).release));
}
