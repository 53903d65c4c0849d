import { whyCommandMisleads } from '../repository/restore-command.js';
import type { CommandWal } from '../repository/wal-mode.js';
import type { Finding } from '../schema/results.js';

/** Whether `wal.restore_command` says of a file that cannot exist that it is missing. That it brings those that exist, the archive check shows. */
export async function checkRestoreCommand(
  wal: CommandWal,
  walDirectory: string,
  signal: AbortSignal,
): Promise<Finding> {
  const name = 'restore_command';
  const wrong = await whyCommandMisleads(wal, walDirectory, signal);
  if (wrong === undefined)
    return { name, level: 'ok', message: 'wal.restore_command says of a missing file that it is missing' };
  return {
    name,
    level: 'error',
    message: `wal.restore_command does not say of a missing file that it is missing: ${wrong.replace(/\.$/, '')}.`,
    fix: 'Make it end with 1 to 125 where the archive has no such file (recovery ends there), and with more than 125 only where it could not look (recovery stops, and is tried again).',
  };
}
