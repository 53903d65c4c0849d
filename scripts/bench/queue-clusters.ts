import { join } from 'node:path';

import { applyFixes, type Patient } from '../../src/doctor/doctor.js';
import { makePrivateDirectory, writeFileDurably } from '../../src/files/durable.js';
import { type Conninfo, formatConninfo } from '../../src/postgres/conninfo.js';
import { standaloneContext } from '../../src/process/step-context.js';
import { openRepository } from '../../src/repository/repository.js';
import { takeBackup } from '../../src/repository/take-backup.js';
import { runSql, type ScratchServers } from '../scratch/servers.js';

/** A small cluster that is set up for pgdrill and has a full backup. */
export interface SmallCluster {
  name: string;
  admin: Conninfo;
  patient: Patient;
}

const settings = { shared_buffers: '16MB', max_connections: '40' };

/** Makes one; initdb takes seconds, the rest as well. */
export async function makeSmallCluster(servers: ScratchServers, name: string): Promise<SmallCluster> {
  const directory = join(servers.path, name);
  await makePrivateDirectory(directory);
  await servers.tool('initdb', ['-D', join(directory, 'data'), '-U', 'postgres', '--auth=trust', '--no-sync']);
  const admin = await servers.start(directory, settings);
  const repository = join(servers.path, `${name}-repository`);
  const patient: Patient = {
    name,
    connection: { ...admin, user: 'pgdrill' },
    repository,
    walDirectory: join(repository, 'wal'),
    ownWalDirectory: true,
    sandboxDirectory: sandboxesOf(servers),
    archiveTimeoutMs: 120_000,
  };
  await runSql(
    admin,
    'create role pgdrill login replication',
    'grant pg_read_all_data, pg_monitor to pgdrill',
    'grant execute on function pg_switch_wal(), pg_create_restore_point(text) to pgdrill',
    'create table orders (id int primary key, note text)',
    `insert into orders select i, repeat('x', 100) from generate_series(1, 20000) i`,
  );
  await applyFixes(patient, admin);
  await servers.stop(directory);
  await servers.start(directory, settings);
  const opened = await openRepository(patient);
  await takeBackup(
    servers.tools,
    { repository: opened, connection: patient.connection, type: 'full' },
    standaloneContext(`bench/${name}`),
  );
  return { name, admin, patient };
}

export function sandboxesOf(servers: ScratchServers): string {
  return join(servers.path, 'sandboxes');
}

/** Writes a pgdrill.yaml for all of them. @returns its path. */
export async function configureAll(
  servers: ScratchServers,
  clusters: readonly SmallCluster[],
  taskQueue: string,
): Promise<string> {
  const path = join(servers.path, 'pgdrill.yaml');
  const lines = clusters.flatMap(({ name, patient }) => [
    `  ${name}:`,
    `    connection: ${formatConninfo(patient.connection)}`,
    `    repository: ${patient.repository}`,
    '    archive_timeout: 2m',
    `    sandbox: { directory: ${patient.sandboxDirectory}, settings: { shared_buffers: 16MB } }`,
  ]);
  await writeFileDurably(
    path,
    [
      `state_directory: ${join(servers.path, 'state')}`,
      `temporal: { task_queue: ${taskQueue} }`,
      'catalog: {}',
      'clusters:',
      ...lines,
      '',
    ].join('\n'),
  );
  return path;
}
