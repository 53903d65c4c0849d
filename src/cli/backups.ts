import type { Command } from 'commander';

import { clusterOf } from '../configuration/cluster.js';
import type { ExitCode } from '../errors.js';
import { type BackupStanding, listProvingDrills, standingOf } from '../repository/proven.js';
import { listBackups, openRepository } from '../repository/repository.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { bytes, minute, seconds } from '../schema/figures.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { renderTable } from './table.js';
import { colors, print, printJson } from './terminal.js';

type ListedBackup = BackupStanding &
  Pick<BackupRecord, 'id' | 'parent' | 'startLsn' | 'endLsn' | 'timeline' | 'sizeBytes' | 'durationMs' | 'takenFrom'>;

export async function backups(cluster: string, _options: unknown, command: Command): Promise<ExitCode> {
  const repository = await openRepository(clusterOf(await loadFor(command), cluster));
  const drills = await listProvingDrills(repository);
  const backups = (await listBackups(repository)).map((backup) => ({ ...backup, ...standingOf(backup, drills) }));
  if (globalOptions(command).json === true) printJson(backups);
  else if (backups.length === 0) print(`No backups yet. Take one: pgdrill backup ${cluster}`);
  else {
    print(renderBackups(backups));
  }
  return 0;
}

/** A row each. Where they were copied from is said once any was copied from a standby. */
export function renderBackups(backups: readonly ListedBackup[]): string {
  const places = backups.some(({ takenFrom }) => takenFrom !== undefined);
  const rows = backups.map(({ id, parent, startLsn, endLsn, timeline, sizeBytes, durationMs, takenFrom, ...rest }) => [
    id,
    parent ?? '',
    `${startLsn} → ${endLsn}`,
    String(timeline),
    ...(places ? [takenFrom ?? 'primary'] : []),
    bytes(sizeBytes),
    seconds(durationMs / 1_000),
    describe(rest),
  ]);
  const from = places ? ['TAKEN FROM'] : [];
  return renderTable(rows, ['ID', 'BUILDS ON', 'LSN', 'TIMELINE', ...from, 'SIZE', 'TOOK', 'PROOF']);
}

/** Only a drill proves a backup: what was merely verified or judged is not called more than that. */
function describe({ standing, drill }: BackupStanding): string {
  const by = drill === undefined ? '' : `by ${drill.id} at ${minute(drill.finishedAt)}`;
  switch (standing) {
    case 'proven':
      return colors.green(`proven ${by}`);
    case 'part of a proven chain':
      return `part of a chain proven ${by}`;
    case 'failed':
      return colors.red(`found wrong ${by}`);
    case 'unsafe':
      return colors.yellow('unsafe: not restored from');
    case 'judged':
      return colors.yellow('judged, not proven by any drill');
    case 'verified':
      return colors.yellow('verified, not proven by any drill');
  }
}
