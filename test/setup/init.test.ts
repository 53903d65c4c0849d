import { chmod, lstat, readFile, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { neededPrivileges } from '../../src/doctor/needed-privileges.js';
import { checkPrivileges } from '../../src/doctor/privileges.js';
import { checkReplicationAccess } from '../../src/doctor/replication-access.js';
import { writeFileDurably } from '../../src/files/durable.js';
import { type Conninfo, formatConninfo, parseConninfo } from '../../src/postgres/conninfo.js';
import { withConnection } from '../../src/postgres/connection.js';
import { runTool } from '../../src/process/run-tool.js';
import type { Finding } from '../../src/schema/results.js';
import { roleStatements } from '../../src/setup/role-sql.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import { startTestCluster, type TestCluster } from '../support/cluster.js';
import { type CommandResult, pgdrill } from '../support/programs.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

let scratch: string;
let source: TestCluster;
let admin: Conninfo;

beforeAll(async () => {
  scratch = await makeScratch();
  source = await startTestCluster(scratch);
  admin = parseConninfo(source.conninfo());
  await sql('create table orders (id int); insert into orders values (1)');
  await sql('create database "Zweite DB"');
});
afterAll(async () => {
  await source.remove();
  await removeScratch(scratch);
});

async function sql<Row extends object>(text: string, as: Conninfo = admin): Promise<Row[]> {
  return await withConnection(as, async (client) => [await client.query<Row>(text)].flat().at(-1)?.rows ?? []);
}

const findingsOf = async (role: string): Promise<Finding[]> =>
  await withConnection({ ...admin, user: role }, (client) => checkPrivileges(client));
const bad = (findings: readonly Finding[]): string[] =>
  findings.filter(({ level }) => level !== 'ok').map(({ name }) => name);

describe('the role that init makes', () => {
  const role = 'Prüf "Rolle"';
  const as = (): Conninfo => ({ ...admin, user: role });

  /** What a step does, with that privilege only. */
  const tries: Record<string, () => Promise<unknown>> = {
    replication: async () => {
      await sql('IDENTIFY_SYSTEM', { ...as(), replication: 'true' });
      await sql(`select pg_create_physical_replication_slot('p', true, true)`, as()); // temporary
    },
    pg_read_all_data: () => sql('select count(*) from orders', as()),
    // As the fence looks at who else is committing: of other roles' sessions nothing is shown.
    pg_monitor: async () => {
      const hidden = await sql(`select from pg_stat_activity where query = '<insufficient privilege>'`, as());
      if (hidden.length > 0) throw new Error('the sessions of others are hidden');
    },
    pg_switch_wal: () => sql('select pg_switch_wal()', as()),
    pg_create_restore_point: () => sql(`select pg_create_restore_point('p')`, as()),
  };

  beforeAll(async () => {
    for (const statement of roleStatements(role)) await sql(statement.sql);
  });

  it('is what the doctor asks for, and no more', async () => {
    expect(bad(await findingsOf(role))).toEqual([]);
    expect((await checkReplicationAccess(as())).level).toBe('ok');
  });

  it.each(neededPrivileges.map((privilege) => [privilege.name, privilege] as const))(
    'needs %s: without it the doctor says so, and the server refuses the step',
    async (name, { kind, what }) => {
      const quoted = `"${role.replaceAll('"', '""')}"`;
      await tries[name]!();
      const take = {
        attribute: `alter role ${quoted} no${what}`,
        membership: `revoke ${what} from ${quoted}`,
        function: `revoke execute on function ${what} from ${quoted}`,
      }[kind];
      await sql(take);
      const findings = await findingsOf(role);
      expect(bad(findings)).toEqual([name]);
      await expect(tries[name]!()).rejects.toThrow();
      await sql(findings.find((finding) => finding.name === name)!.fix!);
      expect(bad(await findingsOf(role))).toEqual([]);
    },
  );

  it('may not change anything', async () => {
    for (const statement of [
      'insert into orders values (2)',
      'delete from orders',
      'create table t (id int)',
      'create database d',
      'create role r',
      `copy (select 1) to program 'true'`,
      `select pg_read_file('postgresql.conf')`,
      'alter system set work_mem = 1',
      'select pg_terminate_backend(pid) from pg_stat_activity where usename = $$postgres$$ or backend_type = $$checkpointer$$',
    ])
      await expect(sql(statement, as()), statement).rejects.toThrow(/permission denied|must be/);
  });
});

describe('a role that may do too much is found, with what takes it away', () => {
  beforeAll(async () => {
    for (const statement of roleStatements('greedy')) await sql(statement.sql);
    await sql('create role boss superuser; create role clerks; create schema desk');
  });
  afterEach(async () => {
    expect(bad(await findingsOf('greedy'))).toEqual([]);
  });

  it.each([
    ['create', 'alter role greedy createdb'],
    ['create', 'alter role greedy createrole'],
    ['membership', 'grant pg_write_all_data to greedy'],
    ['membership', 'grant pg_execute_server_program to clerks; grant clerks to greedy', 'revoke clerks from greedy'],
    ['superuser', 'grant boss to greedy'],
    ['write privileges', 'grant insert, update on orders to greedy'],
    ['write privileges', 'grant update (id) on orders to greedy'],
    ['write privileges', 'grant create on schema desk to greedy'],
    ['write privileges', 'create sequence numbers; grant update on numbers to greedy'],
    [
      'write privileges',
      'revoke clerks from greedy; revoke pg_execute_server_program from clerks; grant clerks to greedy; grant truncate on orders to clerks',
    ],
    ['owner', 'create table hers (id int); alter table hers owner to greedy', 'alter table hers owner to postgres'],
  ])('%s: %s', async (name, grant, undo?: string) => {
    await sql(grant);
    const findings = await findingsOf('greedy');
    expect(bad(findings)).toEqual([name]);
    await sql(undo ?? findings.find((finding) => finding.name === name)!.fix!);
  });
});

describe('pg_hba.conf', () => {
  it('that lets nobody in for replication is found', async () => {
    const hba = join(source.dataDirectory, 'pg_hba.conf');
    await sql('create role barred login replication');
    try {
      await writeFileDurably(hba, 'local all all trust\n');
      await sql('select pg_reload_conf()');
      const look = (): Promise<Finding> => checkReplicationAccess({ ...admin, user: 'barred' });
      await expect.poll(async () => (await look()).level).toBe('error');
      expect(await look()).toMatchObject({
        message: expect.stringContaining('no pg_hba.conf entry for replication') as string,
        fix: expect.stringContaining('"replication"') as string,
      });
    } finally {
      await writeFileDurably(hba, 'local all all trust\nlocal replication all trust\n');
      await sql('select pg_reload_conf()');
    }
  });
});

describe('pgdrill init', () => {
  const database = 'Zweite DB';
  let config: string;
  let connection: string;
  const init = (...args: string[]): Promise<CommandResult> => pgdrill(['--config', config, 'init', ...args]);

  beforeAll(() => {
    config = join(scratch, 'pgdrill.yaml');
    connection = formatConninfo({ ...admin, dbname: database, user: 'drill_role' });
  });

  it('shows everything and writes nothing with --print', async () => {
    const shown = await init('shop', '--connection', connection, '--repository', join(scratch, 'repo'), '--print');
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout).toContain('grant pg_read_all_data to "drill_role";');
    expect(shown.stdout).toMatch(/archive_mode = 'on'; +-- NEEDS A RESTART/);
    expect(shown.stdout).toMatch(/-- +local +replication +drill_role +scram-sha-256/);
    expect(shown.stderr).toContain(`repository: ${join(scratch, 'repo')}`);
    await expect(stat(config)).rejects.toThrow('ENOENT');
    expect(await sql(`select from pg_roles where rolname = 'drill_role'`)).toEqual([]);
  });

  it('prints a script that psql runs as it is, and writes the configuration for its owner alone', async () => {
    const printed = await init('shop', '--connection', connection, '--repository', join(scratch, 'repo'));
    expect(printed.exitCode).toBe(0);
    expect((await stat(config)).mode & 0o777).toBe(0o600);
    // Settings of the whole server are another test's.
    const role = printed.stdout.split('-- Settings.')[0]!;
    await runTool({
      file: toolPath(source.tools, 'psql'),
      args: ['-X', '-v', 'ON_ERROR_STOP=1', '-d', formatConninfo(admin)],
      env: toolEnvironment(source.tools),
      stdin: role,
    });
    const as = parseConninfo(connection);
    expect(await withConnection(as, async (client) => bad(await checkPrivileges(client)))).toEqual([]);
  });

  it('run again says only what is missing, and keeps its hands off the file', async () => {
    const before = await readFile(config, 'utf8');
    const again = await init('shop', '--as', 'user=postgres');
    expect(again.exitCode).toBe(0);
    expect(again.stdout).toContain('-- It has all that it needs.');
    expect(again.stdout).toContain('alter system set archive_mode');
    expect(again.stderr).toContain('was left as it is');
    expect(await readFile(config, 'utf8')).toBe(before);
  });

  it('with --apply makes role and settings, closed databases and row security included', async () => {
    await sql('create database "Geheim"');
    await sql('revoke connect on database "Geheim" from public');
    await sql('create table guarded (id int); alter table guarded enable row level security', {
      ...admin,
      dbname: 'Geheim',
    });
    await chmod(config, 0o640);
    const linked = join(scratch, 'linked.yaml');
    await symlink(config, linked);
    const applied = await pgdrill([
      ...['--config', linked, '--json', 'init', 'second', '--as', 'user=postgres', '--apply', '--rto', '5m'],
      ...['--repository', join(scratch, 'repo-2')],
      ...['--connection', formatConninfo({ ...admin, dbname: database, user: 'Rolle 2' })],
    ]);
    expect(applied.stderr).toBe('');
    const { done, notes } = JSON.parse(applied.stdout) as { done: string[]; notes: string[] };
    expect(done).toEqual(
      expect.arrayContaining([
        'create role "Rolle 2" login;',
        'alter role "Rolle 2" bypassrls;',
        'grant connect on database "Geheim" to "Rolle 2";',
        `alter system set archive_mode = 'on'; -- needs a restart`,
        `alter system set basic_archive.archive_directory = '${join(scratch, 'repo-2', 'wal')}';`,
      ]),
    );
    expect(notes).toEqual([]);
    // The link stays one; the file keeps its mode.
    expect((await lstat(linked)).isSymbolicLink()).toBe(true);
    expect((await stat(config)).mode & 0o777).toBe(0o640);
    await source.restart();
    const doctor = await pgdrill(['--config', config, '--json', 'doctor', 'second']);
    expect(JSON.parse(doctor.stdout)).toMatchObject([{ cluster: 'second' }]);
    expect(doctor.exitCode, doctor.stdout).toBe(0);
    // The other role has not been let into the new database, nor does it see guarded tables of its own: said before a drill fails.
    const first = await withConnection(parseConninfo(connection), (client) => checkPrivileges(client));
    expect(bad(first)).toEqual(['connect']);
  });

  it.each([
    ['other values', ['shop', '--repository', '/srv/elsewhere'], 78, /is in .*pgdrill.yaml already, with other values/],
    ['--apply without --as', ['shop', '--apply'], 64, /--apply needs --as/],
    ['an --as that is no superuser', ['shop', '--as', 'user=drill_role'], 69, /drill_role is no superuser/],
  ])('refuses %s, and changes nothing', async (_, args, exitCode, message) => {
    const before = await readFile(config, 'utf8');
    const refused = await init(...args);
    expect(refused).toMatchObject({ exitCode, stdout: '' });
    expect(refused.stderr).toMatch(message);
    expect(await readFile(config, 'utf8')).toBe(before);
  });

  it('refuses to set pgdrill up as a superuser', async () => {
    const asBoss = ['--connection', formatConninfo(admin), '--repository', join(scratch, 'repo-3')];
    const refused = await init('third', ...asBoss, '--as', 'user=postgres', '--apply');
    expect(refused).toMatchObject({ exitCode: 64 });
    expect(refused.stderr).toContain('postgres is a superuser of the cluster');
    expect(await readFile(config, 'utf8')).not.toContain('third');
  });
});
