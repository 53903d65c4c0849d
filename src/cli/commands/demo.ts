import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill demo`: a whole drill on a busy database that it makes itself. This is what `npm start` runs. */
export function addDemo(program: Command, run: Runner): void {
  program
    .command('demo')
    .description('make a busy PostgreSQL, back it up, restore it, prove it equal; exits by the verdict')
    .option('--keep', 'leave all running at the end, until Ctrl-C, to go on in the Web UI')
    .addHelpText('after', '\nExample:\n  pgdrill demo --keep')
    .action(run(async () => (await import('../demo.js')).demo));
}
