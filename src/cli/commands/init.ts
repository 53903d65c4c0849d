import { type Command, Option } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill init CLUSTER`: the SQL, the lines and the configuration that a cluster needs to be protected. */
export function addInit(program: Command, run: Runner): void {
  program
    .command('init')
    .description(
      'print the exact SQL for a role without superuser, settings and pg_hba lines, and add the cluster to the configuration',
    )
    .argument('<cluster>', 'the name that the cluster has, or gets, in the configuration')
    .option('--connection <conninfo>', 'how pgdrill is to reach it: a libpq connection string without a password')
    .option('--repository <directory>', 'where its backups, WAL archive and evidence are to lie')
    .option('--wal-directory <directory>', 'an existing WAL archive that somebody else fills')
    .addOption(
      new Option('--wal-mode <mode>', 'how WAL is to reach the repository (wal.mode)').choices([
        'archive',
        'stream',
        'command',
      ]),
    )
    .option(
      '--restore-command <command>',
      'what fetches one file of an archive that other tools fill (wal.mode command): %f is its name, %p where to put it',
    )
    .option('--backup-from <conninfo>', 'a standby whose files backups are to copy, to spare the primary')
    .option('--rto <duration>', 'longest acceptable time to restore, such as 15m')
    .option('--rpo <duration>', 'longest acceptable span of lost commits, such as 5m')
    .option(
      '--as <conninfo>',
      'look at the cluster as this superuser, such as "user=postgres": only what is missing is printed',
    )
    .option('--apply', 'run the SQL as --as says and lay out the repository; never restarts a server')
    .option('--print', 'show the SQL and the new configuration, and write nothing')
    .addHelpText(
      'after',
      `
Without --as nothing is connected to. Standard output is a script for psql; values that are missing are asked for on a terminal.

Examples:
  pgdrill init shop --connection 'host=/run/postgresql dbname=shop user=pgdrill' --repository /var/lib/pgdrill/shop
  pgdrill init shop --as user=postgres --apply
  pgdrill init till --wal-mode stream --connection 'host=db2 dbname=till user=pgdrill' --repository /var/lib/pgdrill/till
  pgdrill init desk --restore-command '/etc/pgdrill/fetch-wal %f %p' --connection 'host=db3 dbname=desk user=pgdrill' --repository /var/lib/pgdrill/desk`,
    )
    .action(run(async () => (await import('../init.js')).init));
}
