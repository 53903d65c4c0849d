import { type Command, Option } from 'commander';

import { backupTypes } from '../../schema/vocabulary.js';
import type { Runner } from './runner.js';

/** `pgdrill backup CLUSTER`: take a backup now. */
export function addBackup(program: Command, run: Runner): void {
  program
    .command('backup')
    .description('take a backup, verify it and put it into the repository')
    .argument('<cluster>', 'a cluster of the configuration')
    .addOption(
      new Option('--type <type>', 'an incremental builds on the newest backup, a differential on the newest full one')
        .choices(backupTypes)
        .default('full'),
    )
    .option('--id <id>', 'the workflow id (default: backup-CLUSTER-TIME)')
    .addHelpText('after', '\nExample:\n  pgdrill backup shop --type incremental')
    .action(run(async () => (await import('../backup.js')).backup));
}
