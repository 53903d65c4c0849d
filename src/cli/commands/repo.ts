import { userInfo } from 'node:os';

import { type Command, Option } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill repo …`: the repository itself. */
export function addRepo(program: Command, run: Runner): void {
  const repo = program.command('repo').description('look after the repository itself');
  repo
    .command('verify')
    .description('walk the whole repository: WAL gaps and damage, every backup’s files, timelines, evidence')
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--id <id>', 'the workflow id (default: verify-repository-CLUSTER-TIME)')
    .option('--detach', 'start it and return at once')
    .addHelpText(
      'after',
      '\nExit code 1 where something was found that is not acknowledged.\n\nExample:\n  pgdrill repo verify shop',
    )
    .action(run(async () => (await import('../repo.js')).verifyRepository));
  repo
    .command('acknowledge')
    .description('accept a finding of the newest verification: it is shown from then on and fails nothing')
    .argument('<cluster>', 'a cluster of the configuration')
    .argument('<finding>', 'its id, as repo verify shows it')
    .option('--reason <text>', 'why this loss is accepted')
    .addOption(new Option('--by <name>', 'who accepts it').default(userInfo().username, 'your user name'))
    .option('--withdraw', 'take an earlier acknowledgement back')
    .addHelpText(
      'after',
      '\nExample:\n  pgdrill repo acknowledge shop wal-gap/0000000100000000000000A3 --reason "disk lost on 3 May, full backup taken after"',
    )
    .action(run(async () => (await import('../repo.js')).acknowledgeFinding));
}
