import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill notify --test [CHANNEL]`: does a notification arrive. Sent from here, with this process's environment; not through Temporal. */
export function addNotify(program: Command, run: Runner): void {
  program
    .command('notify')
    .description('send a test notification to the channels of the configuration')
    .argument('[channel]', 'a channel of the configuration (default: all)')
    .option('--test', 'yes, send one')
    .addHelpText('after', '\nExample:\n  pgdrill notify --test ops-chat')
    .action(run(async () => (await import('../notify.js')).notify));
}
