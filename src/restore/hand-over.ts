import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf } from '../errors.js';
import { exists, writeFileDurably } from '../files/durable.js';
import { stopInstance } from '../postgres/instance.js';
import { forget } from '../registry/current.js';
import { idOf } from '../registry/registry.js';
import type { Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { removeOwnDirectory, sandboxConfig } from './sandbox.js';

/**
 * Ends a recovery: stops the server cleanly and puts the cluster's own settings back, so that the directory starts as the production
 * server did. Archiving alone stays off: were it on, the recovered server would write into the archive of the server it was
 * recovered from, which may still run. Done already, it touches nothing: the server that runs there now is somebody's.
 *
 * @returns what the person who takes over has to know.
 */
export async function handOver(tools: PostgresTools, sandbox: Sandbox): Promise<string[]> {
  if (await exists(sandbox.directory)) await giveBack(tools, sandbox);
  const elsewhere: string[] = [];
  for (const name of ['postgresql.conf', 'pg_hba.conf'])
    if (!(await exists(join(sandbox.dataDirectory, name)))) elsewhere.push(name);
  return [
    // Debian's way: then no backup has them.
    ...(elsewhere.length === 0
      ? []
      : [
          `The source kept ${elsewhere.join(' and ')} outside its data directory: copy what is missing into ${sandbox.dataDirectory} first, it does not start without.`,
        ]),
    `Start it: pg_ctl start -D ${sandbox.dataDirectory}`,
    'Its settings are those of the source (port, memory, pg_hba.conf). If the source still runs on this host, change port first.',
    "Archiving is off (archive_mode = 'off' in postgresql.auto.conf). When this server takes the source's place, run pgdrill doctor --fix, restart, and take a full backup.",
    'Replication slots and standbys are not restored: make them anew.',
  ];
}

async function giveBack(tools: PostgresTools, sandbox: Sandbox): Promise<void> {
  await stopInstance(tools, sandbox.dataDirectory, 'fast');
  const kept = join(sandboxConfig(sandbox), 'source-postgresql.auto.conf');
  try {
    const own = (await readFile(kept, 'utf8'))
      .split('\n')
      .filter(
        (line) =>
          !/^\s*(recovery_target|restore_command|primary_conninfo|primary_slot_name|recovery_end_command|archive_cleanup_command)/.test(
            line,
          ),
      )
      .join('\n');
    await writeFileDurably(
      join(sandbox.dataDirectory, 'postgresql.auto.conf'),
      `${own}# Set by pgdrill recover: see its notes before you switch it on.\narchive_mode = 'off'\n`,
    );
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  await rm(sandbox.socketDirectory, { recursive: true, force: true });
  await removeOwnDirectory(sandbox);
  await forget(idOf('sandbox', sandbox.directory));
}
