import { type Command, Option } from 'commander';

import { sabotageKindNames } from '../../schema/sabotage-kinds.js';
import { wholeNumber } from './numbers.js';
import type { Runner } from './runner.js';

/** `pgdrill sabotage-drill CLUSTER`: prove that a drill sees damage. */
export function addSabotageDrill(program: Command, run: Runner): void {
  program
    .command('sabotage-drill')
    .description('break a copy of the backups in one way, drill it, and see whether the drill turns red')
    .argument('[cluster]', 'a cluster of the configuration')
    .addOption(
      new Option('--kind <kind>', 'what to break (default: the next in turn)').choices([...sabotageKindNames, 'all']),
    )
    .option('--seed <number>', 'decides where it strikes: the same again for the same number', wholeNumber)
    .option('--list', 'show the kinds and end')
    .option('--id <id>', 'the workflow id (default: sabotage-drill-CLUSTER-TIME)')
    .option('--detach', 'start it and return at once')
    .addHelpText('after', '\nExample:\n  pgdrill sabotage-drill shop --kind heap-bit-sealed')
    .action(run(async () => (await import('../sabotage-drill.js')).sabotageDrill));
}
