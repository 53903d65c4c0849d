import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill status [ID]`: what runs and how it went. */
export function addStatus(program: Command, run: Runner): void {
  program
    .command('status')
    .description('what runs, what waits for whom, how it ended')
    .argument('[id]', 'a workflow id (default: the newest runs)')
    .option('--follow', 'stay with this run until it ends (Ctrl-C leaves it running)')
    .option('--watch', 'a live view of all that runs, until Ctrl-C')
    .addHelpText('after', '\nExamples:\n  pgdrill status --watch\n  pgdrill status drill-shop-2026-11-22-0200 --follow')
    .action(run(async () => (await import('../status.js')).status));
}
