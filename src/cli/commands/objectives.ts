import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill objectives [CLUSTER]`: are we within our objectives, and how do we know. From the evidence alone. */
export function addObjectives(program: Command, run: Runner): void {
  program
    .command('objectives')
    .description('are RTO, RPO and the age of the last proof within their objectives, and will the RTO stay there')
    .argument('[cluster]', 'a cluster of the configuration (default: all)')
    .addHelpText(
      'after',
      '\nExit code: 0 where all that is demanded is met, 1 where something is missed, 2 where something is unknown.\n\nExample:\n  pgdrill objectives shop',
    )
    .action(run(async () => (await import('../objectives.js')).objectives));
}
