import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill catalog rebuild [CLUSTER]`: the history, from the repositories alone. It needs neither Temporal nor the source. */
export function addCatalog(program: Command, run: Runner): void {
  const catalog = program
    .command('catalog')
    .description('look after the catalog, the database with the history tables');
  catalog
    .command('rebuild')
    .description('fill the catalog from the repositories: what is there already is mended, nothing is written twice')
    .argument('[cluster]', 'a cluster of the configuration (default: all)')
    .addHelpText('after', '\nExample:\n  pgdrill catalog rebuild')
    .action(run(async () => (await import('../catalog.js')).rebuildCatalog));
}
