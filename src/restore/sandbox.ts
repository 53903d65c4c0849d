import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { z } from 'zod';

import { SandboxError } from '../errors.js';
import { exists, makePrivateDirectory, writeFileDurably } from '../files/durable.js';
import { socketDirectoryOf } from '../files/socket-directory.js';
import { controlExpectationSchema } from '../schema/control-expectation.js';
import { mendedMapSchema } from '../schema/mended-map.js';
import { walReadSchema } from '../schema/wal-read.js';
import { LocalStorage } from '../repository/local-storage.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { instanceStatus, stopInstance } from '../postgres/instance.js';
import { reapTool } from '../process/tool-lock.js';
import { restoreEarlierDirectory } from './earlier-directory.js';
import { isRecovery } from '../registry/entry.js';
import { forget } from '../registry/current.js';
import { idOf } from '../registry/registry.js';
import { type Sandbox, sandboxSchema } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';

/** One port for every sandbox: they differ by their socket directory, and no TCP port is opened. */
const socketPort = 5432;

/**
 * Where things lie in a sandbox's directory:
 *   sandbox.json   its record, written when the data is complete
 *   data/          the restored data directory (a recovery has it elsewhere)
 *   tablespaces/   those of the cluster that lie outside its data directory
 *   claim          which attempt of which operation fills it
 *   opened         written just before it takes writes
 *   config/        the sandbox's own postgresql.conf, pg_hba.conf
 *   server.log     what the server says
 */
export function sandboxLayout(
  id: string,
  sandboxesDirectory: string,
  dataDirectory?: string,
): Omit<Sandbox, 'superuser'> {
  const directory = join(sandboxesDirectory, id);
  return {
    id,
    directory,
    dataDirectory: dataDirectory ?? join(directory, 'data'),
    socketDirectory: socketDirectoryOf(directory),
    port: socketPort,
  };
}

export function sandboxLog(sandbox: Pick<Sandbox, 'directory'>): string {
  return join(sandbox.directory, 'server.log');
}

/** Where tablespaces of the cluster that lie outside its data directory go: beside a recovery's data directory, since that is kept. */
export function sandboxTablespaces(sandbox: Pick<Sandbox, 'directory' | 'dataDirectory'>): string {
  return isRecovery(sandbox) ? `${sandbox.dataDirectory}-tablespaces` : join(sandbox.directory, 'tablespaces');
}

export function sandboxConfig(sandbox: Pick<Sandbox, 'directory'>): string {
  return join(sandbox.directory, 'config');
}

/** How to connect to a sandbox. */
export function sandboxConninfo(sandbox: Sandbox, user = sandbox.superuser): Conninfo {
  return { host: sandbox.socketDirectory, port: String(sandbox.port), user, dbname: 'postgres' };
}

const recordSchema = z.object({
  sandbox: sandboxSchema,
  operation: z.string(),
  prepared: z.unknown(),
  /** Of the control file, once the sandbox is open. */
  expected: controlExpectationSchema.optional(),
  mended: z.array(mendedMapSchema).optional(),
  wal: walReadSchema.optional(),
});
export type SandboxRecord = z.infer<typeof recordSchema>;

export async function writeSandboxRecord(record: SandboxRecord): Promise<void> {
  const { sandbox } = record;
  await makePrivateDirectory(sandbox.directory);
  await writeFileDurably(join(sandbox.directory, 'sandbox.json'), JSON.stringify(record, null, 2));
}

/** What an earlier attempt prepared, undefined where there is nothing finished. */
export async function readSandboxRecord(directory: string): Promise<SandboxRecord | undefined> {
  const text = await new LocalStorage(directory).readText('sandbox.json');
  return text === undefined ? undefined : recordSchema.parse(JSON.parse(text));
}

/**
 * Ends everything that belongs to a sandbox and removes it: its server, a tool that still fills it, its files. Done already is fine.
 *
 * @throws SandboxError when something is still there afterwards.
 */
export async function removeSandbox(tools: PostgresTools, layout: Omit<Sandbox, 'superuser'>): Promise<void> {
  await reapTool(combineLock(layout));
  // A recovery's data directory lies elsewhere: it is ours only where we claimed it, which we do only if it was empty.
  const ours = !isRecovery(layout) || (await exists(claimOf(layout)));
  if (ours) {
    await stopInstance(tools, layout.dataDirectory, 'immediate');
    await rm(layout.dataDirectory, { recursive: true, force: true });
    await rm(sandboxTablespaces(layout), { recursive: true, force: true });
    for (const partial of await partialsOf(layout)) await rm(partial, { recursive: true, force: true });
    await restoreEarlierDirectory(layout);
  }
  await rm(layout.socketDirectory, { recursive: true, force: true });
  await removeOwnDirectory(layout);
  if ((ours && (await instanceStatus(layout.dataDirectory)) !== undefined) || (await exists(layout.directory))) {
    throw new SandboxError({
      what: `The sandbox ${layout.directory} could not be removed.`,
      means: 'It still takes disk space, and perhaps its server runs.',
      todo: `Stop the server (pg_ctl stop -m immediate -D ${layout.dataDirectory}) and remove the directory by hand.`,
    });
  }
  await forget(idOf('sandbox', layout.directory));
}

/** Removes a sandbox's own directory, the claim last: it tells whoever finds the rest of a half-done removal that it is ours. */
export async function removeOwnDirectory(layout: Pick<Sandbox, 'directory'>): Promise<void> {
  for (const name of await readdir(layout.directory).catch(() => [])) {
    const path = join(layout.directory, name);
    if (path !== claimOf(layout)) await rm(path, { recursive: true, force: true });
  }
  await rm(layout.directory, { recursive: true, force: true });
}

/** There once a recovery is about to take writes: from then on its data is somebody's, and nothing of ours removes it by itself. */
export function openedMark(layout: Pick<Sandbox, 'directory'>): string {
  return join(layout.directory, 'opened');
}

/** Says which operation owns the data directory. */
export function claimOf(layout: Pick<Sandbox, 'directory'>): string {
  return join(layout.directory, 'claim');
}

/** What unfinished attempts left beside the data directory. */
export async function partialsOf(layout: Pick<Sandbox, 'dataDirectory'>): Promise<string[]> {
  const parent = dirname(layout.dataDirectory);
  const prefix = `${basename(layout.dataDirectory)}.partial-`;
  const names = await readdir(parent).catch(() => []);
  return names.filter((name) => name.startsWith(prefix)).map((name) => join(parent, name));
}

export function combineLock(layout: Pick<Sandbox, 'directory'>): string {
  return join(layout.directory, 'combine.lock');
}
