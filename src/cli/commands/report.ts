import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill report [ID|CLUSTER]`: evidence as a page for people. It needs neither Temporal nor the source. */
export function addReport(program: Command, run: Runner): void {
  program
    .command('report')
    .description('write evidence as one HTML file: of one drill, or of all drills of a cluster')
    .argument('[id-or-cluster]', 'the id of a drill or recovery, or a cluster (default: the only cluster)')
    .option('--out <file>', 'where to (default: report.html beside the evidence, or in the repository)')
    .option('--yes', 'overwrite the file of --out without asking')
    .addHelpText('after', '\nExample:\n  pgdrill report shop --out shop.html')
    .action(run(async () => (await import('../report.js')).report));
}
