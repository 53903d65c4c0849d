import { readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { codeOf, DiskFullError, SandboxError, UsageError } from '../errors.js';
import { exists } from '../files/durable.js';
import { freeBytes } from '../files/room.js';
import { bytes } from '../schema/figures.js';
import { instanceStatus } from '../postgres/instance.js';
import { serverUser } from '../process/server-user.js';
import { runTool } from '../process/run-tool.js';
import { refuseUsedDirectory } from './claim.js';

/**
 * Looks whether a recovery can go into a directory, before anything is written anywhere.
 *
 * @param neededBytes what the restored data directory will take, with its tablespaces.
 * @throws SandboxError where something is there, UsageError where PostgreSQL could not use it, DiskFullError where it has no room.
 */
export async function refuseDestination(into: string, neededBytes: number, tablespaces: boolean): Promise<void> {
  const server = await instanceStatus(into);
  if (server !== undefined) {
    throw new SandboxError({
      what: `A PostgreSQL server runs in ${into} (process ${server.pid}).`,
      means: 'Restoring into it would destroy its data; pgdrill never does. Nothing was written.',
      todo: 'Name a directory that does not exist or is empty.',
    });
  }
  if (await isNoDirectory(into)) {
    throw new UsageError({
      what: `${into} is not a directory.`,
      means: 'A data directory cannot be made there. Nothing was written.',
      todo: 'Name a directory that does not exist or is empty.',
    });
  }
  await refuseUsedDirectory({ dataDirectory: into });
  const beside = `${into}-tablespaces`;
  if (tablespaces && (await exists(beside)) && (await readdir(beside)).length > 0)
    await refuseUsedDirectory({ dataDirectory: beside });
  await refuseUnreachable(into);
  const free = await freeBytes(into);
  if (free === undefined || free >= neededBytes) return;
  throw new DiskFullError({
    what: `The restored data directory takes ${bytes(neededBytes)}, and the disk that holds ${into} has ${bytes(free)} left.`,
    means: 'The restore would fill that disk and fail. Nothing was written.',
    todo: 'Make room there, or name a directory on a larger disk (df -h lists them).',
  });
}

async function isNoDirectory(path: string): Promise<boolean> {
  try {
    return !(await stat(path)).isDirectory();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    if (codeOf(error) === 'ENOTDIR') return true;
    throw error;
  }
}

/** Where pgdrill is root, its PostgreSQL is not: a directory below one that is closed to that user (such as /root) is of no use. */
async function refuseUnreachable(into: string): Promise<void> {
  const user = serverUser();
  if (user === undefined) return;
  let parent = dirname(into);
  while (!(await exists(parent))) parent = dirname(parent);
  const { exitCode } = await runTool({ file: '/bin/sh', args: ['-c', 'cd "$1"', 'sh', parent], answers: [0, 1, 2] });
  if (exitCode === 0) return;
  throw new UsageError({
    what: `The operating-system user ${user.name}, as whom PostgreSQL runs, cannot enter ${parent}.`,
    means: `A server could not start in ${into}. Nothing was written.`,
    todo: `Name a directory that ${user.name} can reach, such as below /var/lib/postgresql, or let it enter (chmod o+x).`,
  });
}
