import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill doctor [CLUSTER] [--fix]`: is everything set up, and if not, what exactly is missing. */
export function addDoctor(program: Command, run: Runner): void {
  program
    .command('doctor')
    .description('check settings, privileges, room and that WAL really arrives; say the exact fixes')
    .argument('[cluster]', 'a cluster of the configuration (default: all)')
    .option(
      '--fix',
      'apply what SQL can fix (ALTER SYSTEM, grants, reload) and lay out the repository; never restarts a server',
    )
    .option('--as <conninfo>', 'connect as this for the fixes, such as "user=postgres"; the rest is as configured')
    .addHelpText('after', '\nExample:\n  pgdrill doctor shop --fix --as user=postgres')
    .action(run(async () => (await import('../doctor.js')).doctor));
}
