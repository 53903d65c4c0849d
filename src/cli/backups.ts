import type { Command } from 'commander';

import { clusterOf } from '../configuration/cluster.js';
import type { ExitCode } from '../errors.js';
import { listBackups, openRepository } from '../repository/repository.js';
import { bytes, seconds } from '../schema/figures.js';
import { globalOptions, loadFor } from './context.js';
import { renderTable } from './table.js';
import { colors, print, printJson } from './terminal.js';

/** `pgdrill backups CLUSTER`: what the repository holds. It needs neither Temporal nor the source. */
export function addBackups(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('backups')
    .description('list the backups in the repository')
    .argument('<cluster>', 'a cluster of the configuration')
    .addHelpText('after', '\nExample:\n  pgdrill backups shop --json')
    .action(async (cluster: string, _options: unknown, command: Command) => {
      const backups = await listBackups(await openRepository(clusterOf(await loadFor(command), cluster)));
      if (globalOptions(command).json === true) printJson(backups);
      else if (backups.length === 0) print(`No backups yet. Take one: pgdrill backup ${cluster}`);
      else {
        print(
          renderTable(
            backups.map(({ id, parent, startLsn, endLsn, timeline, sizeBytes, durationMs, unsafe }) => [
              id,
              parent ?? '',
              `${startLsn} → ${endLsn}`,
              String(timeline),
              bytes(sizeBytes),
              seconds(durationMs / 1_000),
              unsafe === undefined ? '' : colors.yellow('unsafe: not restored from'),
            ]),
            ['ID', 'BUILDS ON', 'LSN', 'TIMELINE', 'SIZE', 'TOOK', ''],
          ),
        );
      }
      exit(0);
    });
}
