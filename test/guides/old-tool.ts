import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';

import { execa } from 'execa';

import { makePrivateDirectory } from '../../src/files/durable.js';
import { serverUser } from '../../src/process/server-user.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import { ensureBarman } from '../support/barman.js';
import type { TestCluster } from '../support/cluster.js';
import { ensurePgBackRest } from '../support/pgbackrest.js';
import { eventually } from '../support/programs.js';

/** Where a tool that backs a server up already is set up. */
export interface Place {
  scratch: string;
  /** On the PATH of the guide's commands. */
  directory: string;
  source: TestCluster;
}

/** What had been there before pgdrill came: it archives the server's WAL and has a backup. */
export interface OldTool {
  /** Why it cannot be had here; undefined where it can. */
  missing: () => Promise<string | undefined>;
  /** Sets it up, as its manual says, and takes a first backup. @returns what stands for what in its guide. */
  setUp: (place: Place) => Promise<Record<string, string>>;
  /** Ends what it has running. */
  end: (place: Place) => Promise<void>;
}

/** A directory of segments that cron and `cp` fill. */
export const script: OldTool = {
  missing: () => Promise.resolve(undefined),
  setUp: async ({ scratch, source }) => {
    const archive = join(scratch, 'wal-archive');
    await makePrivateDirectory(archive);
    await archiveWith(source, `test ! -f ${archive}/%f && cp %p ${archive}/%f`);
    return { '/srv/wal-archive': archive };
  },
  end: () => Promise.resolve(),
};

/** pgBackRest user guide, "Quick Start". */
export const pgBackRest: OldTool = {
  missing: () => why(ensurePgBackRest()),
  setUp: async ({ scratch, directory, source }) => {
    const home = join(scratch, 'pgbackrest');
    await makePrivateDirectory(home);
    const configuration = join(directory, 'pgbackrest.conf');
    await writeFile(
      configuration,
      `[global]
repo1-path=${home}/repository
repo1-retention-full=2
log-path=${home}
lock-path=${home}/lock
spool-path=${home}/spool
start-fast=y
compress-type=zst
compress-level=1
[shop]
pg1-path=${source.dataDirectory}
pg1-socket-path=${source.directory}
`,
    );
    const program = join(directory, 'pgbackrest');
    await writeProgram(program, `exec '${await ensurePgBackRest()}/pgbackrest' --config='${configuration}' "$@"`);
    await archiveWith(source, `${program} --stanza=shop archive-push %p`);
    const sudo = sudoIn(directory);
    for (const command of ['stanza-create', 'backup'])
      await execa(sudo, ['-u', 'postgres', program, '--stanza=shop', command], { cwd: '/' });
    return {};
  },
  end: () => Promise.resolve(),
};

/** Barman manual, "Streaming backups" with `backup_method = postgres`. */
export const barman: OldTool = {
  missing: () => why(ensureBarman()),
  setUp: async ({ scratch, directory, source }) => {
    const [home, servers] = [join(scratch, 'barman'), join(directory, 'barman.d')];
    await makePrivateDirectory(home);
    await mkdir(servers);
    const configuration = join(directory, 'barman.conf');
    await writeFile(
      configuration,
      `[barman]
barman_user = ${serverUser()?.name ?? userInfo().username}
barman_home = ${home}
log_file = ${home}/barman.log
configuration_files_directory = ${servers}
path_prefix = ${join(toolPath(source.tools, 'psql'), '..')}
`,
    );
    await writeFile(
      join(servers, 'shop.conf'),
      `[shop]
description = shop
conninfo = ${source.conninfo()}
streaming_conninfo = host=${source.directory} user=postgres
backup_method = postgres
streaming_archiver = on
slot_name = barman
create_slot = auto
`,
    );
    const variables = Object.entries(toolEnvironment(source.tools)).map(([name, value]) => `${name}='${value}' `);
    await writeProgram(
      join(directory, 'barman'),
      `export ${variables.join('')}LC_ALL=C; exec '${await ensureBarman()}/barman' --config '${configuration}' "$@"`,
    );
    await asBarman(directory, 'cron');
    await eventually('barman receive-wal', async () => {
      const { rows } = await source.connect().then(async (client) => {
        try {
          return await client.query(`select from pg_replication_slots where slot_name = 'barman' and active`);
        } finally {
          await client.end();
        }
      });
      return rows.length === 1 ? true : undefined;
    });
    await asBarman(directory, 'switch-wal', '--force', '--archive', 'shop');
    await asBarman(directory, 'backup', '--wait', 'shop');
    return { '/var/lib/barman': home, '/etc/barman.d': servers };
  },
  end: async ({ directory }) => {
    await asBarman(directory, 'receive-wal', '--stop', 'shop').catch(() => undefined); // the guide has done it
  },
};

async function asBarman(directory: string, ...args: readonly string[]): Promise<void> {
  await execa(sudoIn(directory), ['-u', 'barman', join(directory, 'barman'), ...args], { cwd: '/' });
}

async function archiveWith(source: TestCluster, command: string): Promise<void> {
  const client = await source.connect();
  await client.query(`alter system set archive_mode = 'on'`);
  await client.query(`alter system set archive_command = '${command.replaceAll("'", "''")}'`);
  await client.end();
  await source.restart();
}

/** @returns the sentence of what it was refused with. */
async function why(ensured: Promise<unknown>): Promise<string | undefined> {
  return await ensured.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)),
  );
}

export async function writeProgram(path: string, script: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

const sudoIn = (directory: string): string => join(directory, 'sudo');

/** In the place of sudo: everybody but root is the one user that servers and tools run as here. */
export async function writeSudo(directory: string): Promise<void> {
  const user = serverUser();
  const drop = user === undefined ? '' : `setpriv --reuid=${user.uid} --regid=${user.gid} --clear-groups`;
  await writeProgram(
    sudoIn(directory),
    `[ "$1" = -u ] || exec "$@"\nshift 2\n[ "$(id -u)" = 0 ] || exec "$@"\nexec ${drop} "$@"`,
  );
}
