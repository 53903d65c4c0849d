import { type Command, Option } from 'commander';

import { recoverGates, recoveryTargetForms } from '../../schema/vocabulary.js';
import type { Runner } from './runner.js';

/** `pgdrill recover CLUSTER --into DIR`: a restore for real. */
export function addRecover(program: Command, run: Runner): void {
  program
    .command('recover')
    .description('restore for real, into an empty directory that is kept')
    .argument('[cluster]', 'a cluster of the configuration; with --standalone the repository says which')
    .option('--into <directory>', 'the new data directory: absent or empty; with --table or --database a new file')
    .option('--target <target>', `where recovery stops: ${recoveryTargetForms}`, 'latest')
    .addOption(
      new Option('--gate <gate...>', 'wait for a human there (default: restore and promote)').choices(recoverGates),
    )
    .addOption(
      new Option(
        '--settings <mode>',
        'start with the source’s own settings, or with those of a sandbox, alone on a socket',
      )
        .choices(['production', 'sandbox'])
        .default('production'),
    )
    .option('--gate-timeout <duration>', 'how long a gate waits, such as 30m')
    .option('--yes', 'ask nobody beforehand')
    .option('--no-fix-gate', 'give up at once where only a human can mend what stopped it (default: wait at gate fix)')
    .option('--detach', 'start it and return at once')
    .option('--id <id>', 'the workflow id (default: recover-CLUSTER-TIME)')
    .option('--table <table...>', 'only these tables (database.schema.table), dumped into the file --into')
    .option('--database <database>', 'only this database, dumped into the file --into')
    .addOption(
      new Option('--format <format>', 'of that file: for pg_restore, or SQL')
        .choices(['custom', 'plain'])
        .default('custom'),
    )
    .option('--standalone', 'with nothing but a repository (also --table): no configuration, no Temporal, no source')
    .option('--repository <directory>', 'where the backups are (with --standalone)')
    .option('--wal-directory <directory>', 'where the WAL is, if not in the repository (with --standalone)')
    .option('--give-up', 'end what --standalone began, and remove what it restored')
    .addHelpText(
      'after',
      "\nExample:\n  pgdrill recover shop --into /var/lib/postgresql/recovered --target 'time=2026-11-22 02:00:00+00'\n  pgdrill recover        # at a terminal: asks, shows the plan, asks again\n  pgdrill recover --standalone --repository /mnt/shop --into /var/lib/postgresql/recovered --yes",
    )
    .action(run(async () => (await import('../recover.js')).recover));
}
