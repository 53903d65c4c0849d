import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { makePrivateDirectory } from '../../src/files/durable.js';
import { AccessError } from '../../src/errors.js';
import { type Connection, connect } from '../../src/postgres/connection.js';
import { runTool } from '../../src/process/run-tool.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import { startTestCluster, type TestCluster } from '../support/cluster.js';
import { freePort, makeScratch, removeScratch } from '../support/scratch.js';

// The source's settings, pg_hba.conf and SQL from docker/source, on a real server instead of in a container.

const password = "it's a:pass\\word";
let scratch: string;
let cluster: TestCluster;
let port: number;
let pgdrill: Connection;

const file = (name: string): string => fileURLToPath(new URL(`../../docker/source/${name}`, import.meta.url));
const address = (user: string, dbname: string): Record<string, string> => ({
  host: '127.0.0.1',
  port: String(port),
  user,
  dbname,
});

beforeAll(async () => {
  scratch = await makeScratch();
  port = await freePort();
  const archive = join(scratch, 'wal');
  await makePrivateDirectory(archive);
  // The server user cannot enter the checkout, when root runs the tests.
  await copyFile(file('postgresql.conf'), join(scratch, 'postgresql.conf'));
  await copyFile(file('pg_hba.conf'), join(scratch, 'pg_hba.conf'));
  cluster = await startTestCluster(scratch, {
    settings: {
      config_file: join(scratch, 'postgresql.conf'),
      hba_file: join(scratch, 'pg_hba.conf'),
      'basic_archive.archive_directory': archive,
      listen_addresses: '127.0.0.1',
      port: String(port),
    },
  });
  const admin = await cluster.connect({ port: String(port) });
  await admin.query('create database shop');
  await admin.end();
  await writeFile(join(scratch, 'secret'), password);
  const role = (await readFile(file('10-pgdrill-role.sql'), 'utf8')).replace(
    '/run/secrets/source_pgdrill_password',
    join(scratch, 'secret'),
  );
  await psql(role);
  await psql(await readFile(file('20-shop.sql'), 'utf8'));
  pgdrill = await connect({ ...address('pgdrill', 'shop'), password });
});
afterAll(async () => {
  await pgdrill.end();
  await cluster.remove();
  await removeScratch(scratch);
});

/** As the image runs its initialisation files. */
async function psql(sql: string): Promise<void> {
  await runTool({
    file: toolPath(cluster.tools, 'psql'),
    args: [
      '-v',
      'ON_ERROR_STOP=1',
      '--no-psqlrc',
      '--quiet',
      '-d',
      cluster.conninfo({ port: String(port), dbname: 'shop' }),
      '-f',
      '-',
    ],
    env: { ...toolEnvironment(cluster.tools), PGPASSFILE: '/dev/null' },
    stdin: sql,
  });
}

describe("the compose file's source", () => {
  it('runs with the settings that pgdrill needs', async () => {
    const { rows } = await pgdrill.query<{ name: string; setting: string }>(
      `select name, setting from pg_settings
       where name in ('wal_level', 'archive_mode', 'archive_library', 'summarize_wal', 'archive_timeout') order by name`,
    );
    expect(rows.map(({ name, setting }) => `${name}=${setting}`)).toEqual([
      'archive_library=basic_archive',
      'archive_mode=on',
      'archive_timeout=60',
      'summarize_wal=on',
      'wal_level=replica',
    ]);
    const { rows: wrong } = await pgdrill.query(`select * from pg_settings where pending_restart`);
    expect(wrong).toEqual([]);
  });

  it('archives a finished segment, which the role pgdrill may finish', async () => {
    await pgdrill.query(`select pg_create_restore_point('test'), pg_switch_wal()`);
    const archived = async (): Promise<number> =>
      (await pgdrill.query<{ count: number }>('select archived_count::int as count from pg_stat_archiver')).rows[0]
        ?.count ?? 0;
    for (let attempt = 0; attempt < 100 && (await archived()) === 0; attempt++) await sleep(100);
    expect(await archived()).toBeGreaterThan(0);
  });

  it('lets the role pgdrill read the shop and the WAL summaries, and change nothing', async () => {
    const { rows } = await pgdrill.query(
      'select (select count(*)::int from orders) as orders, (select count(*)::int from customers) as customers',
    );
    expect(rows).toEqual([{ orders: 100_000, customers: 10_000 }]);
    await pgdrill.query('select * from pg_available_wal_summaries()');
    await expect(pgdrill.query('delete from orders')).rejects.toThrow('permission denied');
    await expect(pgdrill.query('create table t ()')).rejects.toThrow('permission denied');
    const { rows: role } = await pgdrill.query(
      'select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication from pg_roles where rolname = current_user',
    );
    expect(role).toEqual([
      { rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolbypassrls: false, rolreplication: true },
    ]);
  });

  it('takes a base backup over TCP with the password', async () => {
    await runTool({
      file: toolPath(cluster.tools, 'pg_basebackup'),
      args: [
        '-h',
        '127.0.0.1',
        '-p',
        String(port),
        '-U',
        'pgdrill',
        '-D',
        join(scratch, 'backup'),
        '--checkpoint=fast',
        '--no-sync',
      ],
      env: { ...toolEnvironment(cluster.tools), PGPASSWORD: password },
    });
    await readFile(join(scratch, 'backup', 'backup_manifest'));
  });

  it('lets nobody in by TCP without the password, and nobody but postgres by the socket', async () => {
    await expect(connect({ ...address('pgdrill', 'shop'), password: 'guess' })).rejects.toThrow(AccessError);
    await expect(connect({ ...address('postgres', 'shop'), password: 'guess' })).rejects.toThrow(AccessError);
    await expect(cluster.connect({ port: String(port), user: 'pgdrill', dbname: 'shop', password })).rejects.toThrow(
      /pg_hba\.conf/,
    );
  });
});
