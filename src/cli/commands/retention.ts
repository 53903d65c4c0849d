import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill retention plan|apply|undo CLUSTER`: what may be deleted, and deleting it in two steps. */
export function addRetention(program: Command, run: Runner): void {
  const retention = program
    .command('retention')
    .description('delete what nothing needs any more: marked first, deleted after a grace');

  retention
    .command('plan')
    .description('show what is kept and why, and what may go; changes nothing')
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--accept-clock', 'the clock is right, though it is far from the last run or the newest backup')
    .addHelpText('after', '\nExample:\n  pgdrill retention plan shop')
    .action(run(async () => (await import('../retention.js')).plan));

  retention
    .command('apply')
    .description('mark what may go, and delete what was marked longer ago than the grace')
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--yes', 'do not ask')
    .option('--dry-run', 'only show the plan')
    .option('--accept-clock', 'the clock is right, though it is far from the last run or the newest backup')
    .option('--id <id>', 'the workflow id (default: apply-retention-CLUSTER-TIME)')
    .addHelpText('after', '\nExample:\n  pgdrill retention apply shop --yes')
    .action(run(async () => (await import('../retention.js')).apply));

  retention
    .command('undo')
    .description('take marks back, while the grace runs: of these backups, or all')
    .argument('<cluster>', 'a cluster of the configuration')
    .argument('[backup...]', 'backups whose mark is taken back (default: all)')
    .addHelpText('after', '\nExample:\n  pgdrill retention undo shop 20261122T020000Z-full')
    .action(run(async () => (await import('../retention.js')).undo));
}
