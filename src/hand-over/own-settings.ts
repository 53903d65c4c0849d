import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf } from '../errors.js';
import { exists, writeFileDurably } from '../files/durable.js';
import { makeSocketDirectory } from '../files/socket-directory.js';
import { sandboxConfig } from '../restore/sandbox.js';
import { formatSettings } from '../restore/sandbox-settings.js';
import type { Override, RestoredFacts, SettingsMode } from '../schema/hand-over.js';
import type { Sandbox } from '../schema/results.js';

/** Where the source's own settings wait when a server starts with the sandbox's. */
export const keptAside = 'postgresql.auto.conf.source';

/** Behind the data directory's own walls: nobody else gets to the socket. */
const sandboxHba = 'pgdrill_hba.conf';

/** Of the source's settings, those that would make a server follow somebody, or recover once more. */
const followsSomebody =
  /^\s*(recovery_target|restore_command|primary_conninfo|primary_slot_name|recovery_end_command|archive_cleanup_command)/;

/** Of the sandbox's settings, those that only a restore needs, or that no server should live with. */
const onlyToRestore =
  /^(restore_command|recovery_target\w*|recovery_init_sync_method|autovacuum|event_triggers|hot_standby|hba_file|ident_file|unix_socket_directories|unix_socket_permissions) =/;

/**
 * What is set against the source's will, so that a recovered server harms nobody and does not hang: it archives into no archive that is
 * another server's, waits for no standby, and takes no changes from a publisher in the source's place.
 */
export function overridesFor(seen: RestoredFacts | undefined): Override[] {
  return [
    {
      name: 'archive_mode',
      value: 'off',
      why: 'the source may still run, and both would write into one archive',
    },
    {
      name: 'synchronous_standby_names',
      value: '',
      why: 'it has no standbys yet: each commit would wait for one for ever',
    },
    ...(seen === undefined || seen.subscriptions.length > 0
      ? [
          {
            name: 'max_logical_replication_workers',
            value: '0',
            why: 'its subscriptions would take changes from their publishers by the source’s slots, which the source may still need',
          },
        ]
      : []),
  ];
}

/** Where a server with the sandbox's settings has its socket: in the data directory itself, unless socket paths (107 characters) end before. */
export function socketPlace(sandbox: Pick<Sandbox, 'dataDirectory' | 'socketDirectory' | 'port'>): string {
  const path = join(sandbox.dataDirectory, `.s.PGSQL.${sandbox.port}.lock`);
  return Buffer.byteLength(path) <= 107 ? sandbox.dataDirectory : sandbox.socketDirectory;
}

/** Gives a stopped server the settings that it is to start with. Done already, nothing happens. */
export async function giveSettings(
  sandbox: Sandbox,
  mode: SettingsMode,
  seen: RestoredFacts | undefined,
): Promise<void> {
  const auto = join(sandbox.dataDirectory, 'postgresql.auto.conf');
  let own: string;
  try {
    own = await readFile(join(sandboxConfig(sandbox), 'source-postgresql.auto.conf'), 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    // Given already, by an attempt that died while it removed the sandbox; or the source had none.
    if (await exists(auto)) return;
    own = '';
  }
  own = own
    .split('\n')
    .filter((line) => !followsSomebody.test(line))
    .join('\n');
  const overrides = overridesFor(seen);
  const production = `${own}${own === '' || own.endsWith('\n') ? '' : '\n'}# Set by pgdrill recover; its hand-over sheet says when each may go.\n${formatSettings(Object.fromEntries(overrides.map(({ name, value }) => [name, value])))}`;
  if (mode === 'production') {
    await writeFileDurably(auto, production);
    return;
  }
  await writeFileDurably(join(sandbox.dataDirectory, keptAside), production);
  for (const name of ['postgresql.conf', 'pg_hba.conf', 'pg_ident.conf'])
    if (!(await exists(join(sandbox.dataDirectory, name))))
      await writeFileDurably(join(sandbox.dataDirectory, name), '# The source kept its own elsewhere.\n');
  const hba = join(sandbox.dataDirectory, sandboxHba);
  await writeFileDurably(hba, 'local all all trust\n');
  const socket = socketPlace(sandbox);
  if (socket === sandbox.socketDirectory) await makeSocketDirectory(socket);
  const restoring = await readFile(join(sandboxConfig(sandbox), 'postgresql.conf'), 'utf8');
  const kept = restoring.split('\n').filter((line) => line !== '' && !onlyToRestore.test(line));
  await writeFileDurably(
    auto,
    `# Written by pgdrill recover --settings sandbox: it listens on a Unix socket alone. The source's settings: ${keptAside}\n${kept.join('\n')}\n${formatSettings(
      { unix_socket_directories: socket, unix_socket_permissions: '0700', hba_file: hba },
    )}`,
  );
}
