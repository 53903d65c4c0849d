import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill stream start|status|stop CLUSTER`: receive WAL as it is written. */
export function addStream(program: Command, run: Runner): void {
  const stream = program
    .command('stream')
    .description('receive a cluster’s WAL as it is written (wal.mode: stream), so that next to nothing can be lost');

  stream
    .command('start')
    .description('create the replication slot and receive WAL until it is stopped; survives restarts of everything')
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--accept-gap', 'WAL is missing on the source: go on behind it (take a full backup then)')
    .addHelpText('after', '\nExample:\n  pgdrill stream start shop')
    .action(run(async () => (await import('../stream.js')).start));

  stream
    .command('status')
    .description('how far the stream is, and how its slot stands')
    .argument('<cluster>', 'a cluster of the configuration')
    .addHelpText('after', '\nExample:\n  pgdrill stream status shop')
    .action(run(async () => (await import('../stream.js')).status));

  stream
    .command('stop')
    .description('stop receiving and drop the replication slot: WAL from then on is not kept')
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--drop-slot', 'drop the slot (the default)')
    .option('--keep-slot', 'keep the slot: the source keeps all WAL from now on, until its disk is full')
    .option('--yes', 'do not ask')
    .option('--dry-run', 'only say what would be done')
    .addHelpText('after', '\nExample:\n  pgdrill stream stop shop --yes')
    .action(run(async () => (await import('../stream.js')).stop));
}
