import { existsSync } from 'node:fs';
import { chmod, chown, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { applyFixes, examine, examineOrThrow, type Patient } from '../../src/doctor/doctor.js';
import { AccessError, SourceNotReadyError, UnreachableError } from '../../src/errors.js';
import { makePrivateDirectory, writeFileDurably } from '../../src/files/durable.js';
import { type Conninfo, parseConninfo } from '../../src/postgres/conninfo.js';
import { withConnection } from '../../src/postgres/connection.js';
import { launchInstance, stopInstance, waitUntilReady } from '../../src/postgres/instance.js';
import { runTool } from '../../src/process/run-tool.js';
import { serverUser } from '../../src/process/server-user.js';
import { standaloneContext } from '../../src/process/step-context.js';
import { listBackups, openOrCreateRepository } from '../../src/repository/repository.js';
import { takeBackup } from '../../src/repository/take-backup.js';
import type { Finding } from '../../src/schema/results.js';
import { lookAround } from '../../src/setup/look-around.js';
import { startTestCluster, type TestCluster } from '../support/cluster.js';
import { pgdrillRole } from '../support/protected-cluster.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

let scratch: string;
let source: TestCluster;
let patient: Patient;
let admin: Conninfo;
let names = 0;

beforeAll(async () => {
  scratch = await makeScratch();
  source = await startTestCluster(scratch);
  admin = parseConninfo(source.conninfo());
  await sql(pgdrillRole);
});
afterAll(async () => {
  await source.remove();
  await removeScratch(scratch);
});

/** A patient with a repository of its own that does not exist yet. */
function newPatient(role = 'pgdrill'): Patient {
  const repository = join(scratch, `repository-${++names}`);
  return {
    name: 'shop',
    connection: { ...admin, user: role },
    repository,
    walDirectory: join(repository, 'wal'),
    ownWalDirectory: true,
    sandboxDirectory: scratch,
    archiveTimeoutMs: 15_000,
  };
}

async function sql(text: string): Promise<void> {
  await withConnection(admin, (client) => client.query(text));
}

const look = (who = patient): Promise<Finding[]> => examine(who, standaloneContext('doctor'));
const errorsOf = (findings: readonly Finding[]): string[] =>
  findings.filter(({ level }) => level === 'error').map(({ name }) => name);
const fixOf = (findings: readonly Finding[], name: string): string | undefined =>
  findings.find((finding) => finding.name === name)?.fix;

describe('the doctor at a cluster as initdb made it', () => {
  beforeAll(() => {
    patient = newPatient();
  });

  it('finds everything that is missing, with the SQL that mends it, and what needs a restart', async () => {
    const findings = await look();
    expect(errorsOf(findings).sort()).toEqual([
      'archive_library',
      'archive_mode',
      'basic_archive.archive_directory',
      'repository',
      'summarize_wal',
    ]);
    expect(findings.find(({ name }) => name === 'archive_mode')).toMatchObject({
      fix: `alter system set archive_mode = 'on';`,
      needsRestart: true,
    });
    expect(findings.find(({ name }) => name === 'summarize_wal')).toMatchObject({
      fix: `alter system set summarize_wal = 'on';`,
      needsRestart: false,
    });
    expect(fixOf(findings, 'basic_archive.archive_directory')).toBe(
      `alter system set basic_archive.archive_directory = '${patient.walDirectory}';`,
    );
    expect(fixOf(findings, 'repository')).toContain('pgdrill doctor shop --fix');
    expect(findings.find(({ name }) => name === 'archiving')).toMatchObject({ level: 'warning' });
    expect(findings.find(({ name }) => name === 'data_checksums')).toMatchObject({ level: 'warning' });
  });

  it('as a step of a workflow fails with all of it at once', async () => {
    const failing = examineOrThrow(patient, standaloneContext('check'));
    await expect(failing).rejects.toThrow(SourceNotReadyError);
    await expect(failing).rejects.toThrow(
      /archive_mode.*summarize_wal.*To do:.*alter system set archive_mode = 'on';/s,
    );
    await expect(failing).rejects.toMatchObject({ retryable: false });
  });

  it('applies the fixes, and says that a restart is left', async () => {
    const { done, left } = await applyFixes(patient, admin);
    expect(done).toContain(`alter system set archive_mode = 'on'; -- needs a restart`);
    expect(done).toContain(`alter system set summarize_wal = 'on';`);
    expect(left).toEqual(['Restart the server: some settings take effect only then.']);
    const findings = await look();
    expect(errorsOf(findings)).toEqual(['archive_mode']);
    expect(findings.find(({ name }) => name === 'archive_mode')).toMatchObject({
      message: expect.stringContaining('set but not active') as string,
      fix: 'Restart the server.',
    });
  });

  it('finds nothing wrong after the restart, and sees WAL arrive', async () => {
    await source.restart();
    const findings = await look();
    expect(errorsOf(findings)).toEqual([]);
    expect(findings.find(({ name }) => name === 'archiving')?.message).toMatch(/^segment [0-9A-F]{24} arrived/);
    expect((await readdir(patient.walDirectory)).length).toBeGreaterThan(0);
    expect(findings.find(({ name }) => name === 'privileges')?.level).toBe('ok');
    expect(findings.find(({ name }) => name === 'version')?.message).toBe(`PostgreSQL ${source.tools.version}`);
  });

  it('has nothing left to do the second time', async () => {
    expect(await applyFixes(patient, admin)).toEqual({
      done: [`repository ${patient.repository} is laid out`],
      left: [],
    });
  });
});

describe('a setting that is wrong', () => {
  afterEach(async () => {
    await sql(`alter system reset full_page_writes`);
    await sql(`alter system reset archive_command`);
    await sql(`alter system reset summarize_wal`);
    await sql(`alter system set summarize_wal = on`);
    await sql(`alter system set archive_library = 'basic_archive'`);
    await sql(`select pg_reload_conf()`);
  });

  it.each([
    ['full_page_writes', 'off', `alter system set full_page_writes = 'on';`],
    ['summarize_wal', 'off', `alter system set summarize_wal = 'on';`],
    ['archive_library', '', `alter system set archive_library = 'basic_archive';`],
  ])('%s = "%s" is found, and mended without a restart', async (name, value, fix) => {
    await sql(`alter system set ${name} = '${value}'`);
    await sql(`select pg_reload_conf()`);
    await expect.poll(async () => errorsOf(await look())).toEqual([name]);
    expect(fixOf(await look(), name)).toBe(fix);
    expect((await applyFixes(patient, admin)).left).toEqual([]);
    await expect.poll(async () => errorsOf(await look())).toEqual([]);
  });

  it('archive_command beside a library is found, and taken away', async () => {
    await sql(`alter system set archive_command = 'true'`);
    await sql(`alter system set archive_library = ''`);
    await sql(`select pg_reload_conf()`);
    await expect.poll(async () => errorsOf(await look())).toEqual(['archive_command', 'archive_library']);
    await applyFixes(patient, admin);
    await expect.poll(async () => errorsOf(await look())).toEqual([]);
  });

  it('wal_level = minimal is found, and needs a restart', async () => {
    await source.restart({ wal_level: 'minimal', archive_mode: 'off', max_wal_senders: '0', summarize_wal: 'off' });
    const findings = await look();
    expect(errorsOf(findings)).toEqual(['wal_level', 'archive_mode', 'summarize_wal', 'max_wal_senders']);
    expect(findings.filter(({ needsRestart }) => needsRestart).map(({ name }) => name)).toContain('wal_level');
    await source.restart();
  });
});

describe('privileges that are missing', () => {
  it('are found one by one, with the grants, also by a role that may do nothing', async () => {
    await sql(`create role nobody login`);
    const poor = { ...patient, connection: { ...admin, user: 'nobody' } };
    const findings = await look(poor);
    expect(errorsOf(findings)).toEqual([
      'replication',
      'pg_read_all_data',
      'pg_monitor',
      'pg_switch_wal',
      'pg_create_restore_point',
    ]);
    expect(fixOf(findings, 'replication')).toBe(`alter role "nobody" replication;`);
    await applyFixes(poor, admin);
    expect(errorsOf(await look(poor))).toEqual([]);
  });

  it('do not keep the doctor from looking where databases are closed to everybody', async () => {
    await sql(`create role closed login`);
    await sql(`create database secret`);
    await sql(`revoke connect on database secret from public`);
    expect(errorsOf(await look({ ...patient, connection: { ...admin, user: 'closed' } }))).toContain('pg_monitor');
    await sql(`drop database secret`);
  });

  it('row security is warned of', async () => {
    await sql(`create table guarded (id int); alter table guarded enable row level security`);
    expect((await look()).find(({ name }) => name === 'bypassrls')).toMatchObject({
      level: 'warning',
      fix: 'alter role "pgdrill" bypassrls;',
    });
    await sql(`drop table guarded`);
  });

  it('too many are warned of', async () => {
    const findings = await look({ ...patient, connection: admin });
    expect(findings.find(({ name }) => name === 'privileges')).toMatchObject({ level: 'warning' });
    expect(errorsOf(findings)).toEqual([]);
  });
});

describe('an archive that does not work', () => {
  it('is an error that quotes what the server says of its archiver', async () => {
    // Not writable for the server: read-only, and where we are root, ours.
    await chmod(patient.walDirectory, 0o500);
    if (process.getuid?.() === 0) await chown(patient.walDirectory, 0, 0);
    const impatient = { ...patient, archiveTimeoutMs: 4_000 };
    const findings = await look(impatient);
    const user = serverUser();
    if (user !== undefined) await chown(patient.walDirectory, user.uid, user.gid);
    await chmod(patient.walDirectory, 0o700);
    expect(errorsOf(findings)).toEqual(['archiving']);
    const { message } = findings.find(({ name }) => name === 'archiving')!;
    expect(message).toMatch(/WAL segment [0-9A-F]{24} did not arrive in .* within 4 s/);
    expect(message).toMatch(/attempts failed, the last one for [0-9A-F]{24}/);
    await expect.poll(async () => errorsOf(await look()), { timeout: 90_000, interval: 1_000 }).toEqual([]);
  });

  it('is another repository’s: found, though everything else is well', async () => {
    const foreign = newPatient();
    await openOrCreateRepository({ ...foreign, name: 'other' });
    const findings = await look({ ...foreign, walDirectory: patient.walDirectory });
    expect(errorsOf(findings)).toEqual(['repository']);
    expect(findings.find(({ name }) => name === 'repository')).toMatchObject({
      message: expect.stringContaining('belongs to cluster "other"') as string,
      fix: expect.stringContaining('Give each cluster a repository of its own') as string,
    });
  });
});

describe('a server that cannot be examined', () => {
  it('and does not answer is unreachable, which time may mend', async () => {
    const away = { ...patient, connection: { ...admin, host: join(scratch, 'nowhere') } };
    await expect(look(away)).rejects.toThrow(UnreachableError);
    await expect(look(away)).rejects.toMatchObject({ retryable: true, exitCode: 69 });
    await expect(look(away)).rejects.toThrow(`host=${scratch}/nowhere`);
  });

  it('and refuses the password, or gets none, is a matter of access, which time does not mend', async () => {
    await sql(`create role careful login password 'right'`);
    const hba = join(source.dataDirectory, 'pg_hba.conf');
    await writeFileDurably(hba, 'local all careful scram-sha-256\nlocal all all trust\nlocal replication all trust\n');
    await sql('select pg_reload_conf()');
    const careful = { ...patient, connection: { ...admin, user: 'careful' } };
    try {
      vi.stubEnv('PGPASSWORD', 'wrong');
      await expect
        .poll(() =>
          look(careful).then(
            () => 'in',
            (error: unknown) => error,
          ),
        )
        .toBeInstanceOf(AccessError);
      await expect(look(careful)).rejects.toMatchObject({ retryable: false, exitCode: 69 });
      await expect(look(careful)).rejects.toThrow(/^(?!.*wrong).*refuses the connection.*password/s);
      vi.stubEnv('PGPASSWORD', undefined);
      await expect(look(careful)).rejects.toThrow(AccessError);
    } finally {
      vi.unstubAllEnvs();
      await writeFileDurably(hba, 'local all all trust\nlocal replication all trust\n');
      await sql('select pg_reload_conf()');
    }
  });

  it('and has no such database or role is a matter of access', async () => {
    await expect(look({ ...patient, connection: { ...admin, dbname: 'gone' } })).rejects.toThrow(AccessError);
    await expect(look({ ...patient, connection: { ...admin, user: 'stranger' } })).rejects.toThrow(AccessError);
  });

  it('and is of PostgreSQL 15 is too old', async (test) => {
    const binDirectory = '/usr/lib/postgresql/15/bin';
    if (!existsSync(join(binDirectory, 'initdb'))) {
      test.skip('PostgreSQL 15 is not on this machine');
      return;
    }
    const old = { binDirectory, version: '15', major: 15, libraryDirectory: undefined, origin: 'usual place' } as const;
    const directory = join(scratch, 'fifteen');
    const [dataDirectory, logFile] = [join(directory, 'data'), join(directory, 'log')];
    await makePrivateDirectory(directory);
    await runTool({
      file: join(binDirectory, 'initdb'),
      args: ['-D', dataDirectory, '-U', 'postgres', '--auth=trust', '--no-sync'],
    });
    await launchInstance(old, {
      dataDirectory,
      logFile,
      settings: { listen_addresses: '', unix_socket_directories: directory },
    });
    try {
      await waitUntilReady(dataDirectory, { logFile, timeoutMs: 30_000 });
      const fifteen = { ...patient, connection: { ...admin, host: directory } };
      await expect(look(fifteen)).rejects.toThrow(SourceNotReadyError);
      const refusal = /The source runs PostgreSQL 15.*pg_upgrade/s;
      await expect(look(fifteen)).rejects.toThrow(refusal);
      await expect(applyFixes(fifteen, fifteen.connection)).rejects.toThrow(refusal);
      await expect(lookAround(fifteen.connection, 'pgdrill', undefined, 'archive')).rejects.toThrow(refusal);
      const repository = await openOrCreateRepository(newPatient());
      const backup = takeBackup(
        source.tools,
        { repository, connection: fifteen.connection, type: 'full' },
        standaloneContext('backup'),
      );
      await expect(backup).rejects.toThrow(refusal);
      expect(await listBackups(repository)).toEqual([]);
    } finally {
      await stopInstance(old, dataDirectory, 'immediate');
    }
  });

  it('and is a standby is not the primary', async () => {
    const directory = join(scratch, 'standby');
    const dataDirectory = join(directory, 'data');
    await makePrivateDirectory(directory);
    await runTool({
      file: join(source.tools.binDirectory, 'pg_basebackup'),
      args: ['-d', source.conninfo(), '-D', dataDirectory, '--checkpoint=fast', '--no-sync', '-R'],
    });
    const logFile = join(directory, 'log');
    await launchInstance(source.tools, {
      dataDirectory,
      logFile,
      settings: { listen_addresses: '', unix_socket_directories: directory, archive_mode: 'off' },
    });
    try {
      await waitUntilReady(dataDirectory, { logFile, timeoutMs: 30_000 });
      const standby = { ...patient, connection: { ...admin, host: directory } };
      await expect(look(standby)).rejects.toThrow('The source is a standby');
    } finally {
      await stopInstance(source.tools, dataDirectory, 'immediate');
    }
  });
});

it('says how much room there is', async () => {
  const findings = await look();
  expect(findings.find(({ name }) => name === 'repository room')?.message).toMatch(/ GB free in .* needed for another/);
  expect(findings.find(({ name }) => name === 'sandbox room')?.level).toBe('ok');
});
