import type { Command } from 'commander';

import { defaultLeastRows } from '../../schema/vocabulary.js';
import { positiveNumber } from './numbers.js';
import type { Runner } from './runner.js';

/** `pgdrill candidates CLUSTER`: which transactions took much away, for those who look for the one to stop before. */
export function addCandidates(program: Command, run: Runner): void {
  program
    .command('candidates')
    .description('find large deletes, updates, truncates and drops in the archived WAL, to recover to just before one')
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--since <when>', 'committed no longer ago (24h, 7d) or no earlier (a time with its zone)', '24h')
    .option('--until <when>', 'committed no later, given likewise')
    .option('--min-rows <number>', 'rows that a delete or update must have hit', positiveNumber, defaultLeastRows)
    .addHelpText(
      'after',
      '\nExamples:\n  pgdrill candidates shop --since 7d\n  pgdrill recover shop --into DIR --target before-xid=XID',
    )
    .action(run(async () => (await import('../candidates.js')).candidates));
}
