import { type Command, Option } from 'commander';

import { drillBackups, gates, scenarioRequests, targetForms } from '../../schema/vocabulary.js';
import { wholeNumber } from './numbers.js';
import type { Runner } from './runner.js';

/** `pgdrill drill CLUSTER`: prove that the backups restore. */
export function addDrill(program: Command, run: Runner): void {
  program
    .command('drill')
    .description('restore into a sandbox, prove that it equals the source, measure RTO and RPO, clean up')
    .argument('<cluster>', 'a cluster of the configuration')
    .addOption(
      new Option('--scenario <scenario>', 'which failure is rehearsed; all but now choose the target themselves')
        .choices(scenarioRequests)
        .default('now'),
    )
    .option('--seed <number>', 'what scenario random draws with (default: one that is drawn)', wholeNumber)
    .option('--xid <number>', 'what scenario oops undoes, see pgdrill candidates (default: the largest)', wholeNumber)
    .option('--target <target>', `where recovery stops: ${targetForms}`, 'fence')
    .option('--chain <backup>', 'restore from the chain that ends with this backup (default: the fastest)')
    .addOption(new Option('--backup <what>', 'backups to take first').choices(drillBackups).default('none'))
    .addOption(new Option('--gate <gate...>', 'wait for a human there').choices(gates))
    .option('--gate-timeout <duration>', 'how long a gate waits, such as 30m')
    .option('--id <id>', 'the workflow id (default: drill-CLUSTER-TIME)')
    .option('--detach', 'start it and return at once')
    .option('--link', 'start nothing: print the link to the Web UI’s start form, filled in, and the input to paste')
    .addHelpText(
      'after',
      '\nExamples:\n  pgdrill drill shop --backup incremental --gate promote\n  pgdrill drill shop --scenario old',
    )
    .action(run(async () => (await import('../drill.js')).drill));
}
