import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { applyFixes, type Patient } from '../../src/doctor/doctor.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import { type Conninfo, parseConninfo } from '../../src/postgres/conninfo.js';
import { readSource } from '../../src/postgres/source.js';
import { withConnection } from '../../src/postgres/connection.js';
import { standaloneContext } from '../../src/process/step-context.js';
import type { ChainPolicy } from '../../src/repository/choose-chain.js';
import { openOrCreateRepository, type Repository } from '../../src/repository/repository.js';
import { takeBackup } from '../../src/repository/take-backup.js';
import type { Wal } from '../../src/repository/wal-mode.js';
import { waitForSegment } from '../../src/repository/wal-archive.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import { roleSql } from '../../src/setup/role-sql.js';
import { copyDirectory, startTestCluster, templateName, type TestCluster } from './cluster.js';
import { onceARun } from './once-a-run.js';
import { makeScratch, removeScratch } from './scratch.js';

/**
 * A cluster as pgdrill protects it: a running source that `doctor --fix` has set up (archive into the repository with basic_archive, WAL
 * summaries) and that was started since, the role `pgdrill` that `pgdrill init` makes, and an empty repository.
 *
 *   const shop = await protectCluster();          // in beforeAll
 *   await shop.sql('create table t (id int)');    // as superuser, in database `postgres` unless told otherwise
 *   const full = await shop.backup('full');       // as role `pgdrill`, into shop.repository
 *   await shop.archive();                         // what is committed by now lies in shop.patient.walDirectory
 *   await planRestore(shop.tools, { repository: shop.repository, walDirectory: shop.patient.walDirectory, … });
 *   await shop.remove();                          // in afterAll: stops the source, removes all of `shop.scratch`
 *
 * A pgdrill.yaml for it needs `connection: formatConninfo(shop.patient.connection)`, `repository: shop.patient.repository` and
 * `sandbox.directory: shop.patient.sandboxDirectory`; nothing else. Sandboxes are the caller's to remove (their sockets lie in /tmp).
 */
export interface ProtectedCluster {
  source: TestCluster;
  tools: TestCluster['tools'];
  scratch: string;
  /** What src/doctor, src/repository and src/restore want to know of it; its connection is that of role `pgdrill`. */
  patient: Patient;
  /** The superuser's connection. */
  admin: Conninfo;
  repository: Repository;
  /** Runs SQL (several statements, too) as superuser. @returns the rows of the last statement. */
  sql: <Row extends object = Record<string, unknown>>(text: string, database?: string) => Promise<Row[]>;
  backup: (type?: BackupRecord['type'], operation?: string, limits?: ChainPolicy) => Promise<BackupRecord>;
  /** Switches the WAL segment and waits until it is archived. @returns the LSN up to which the archive reaches at least. */
  archive: () => Promise<string>;
  remove: () => Promise<void>;
}

let operations = 0;

export interface ProtectOptions {
  /** Of the server, on top of what the doctor sets. */
  settings?: Readonly<Record<string, string>>;
  initdbArgs?: readonly string[];
  major?: 17 | 18;
  name?: string;
  /** Its own system identifier; else the clusters of a run share one, and their set-up: see `startTestCluster`. */
  ownIdentity?: boolean;
  /** How WAL is kept; archived by the server where absent. Otherwise it gets a server of its own. */
  wal?: Wal;
  /** See `makeScratch`. */
  where?: 'on disk';
}

export async function protectCluster(options: ProtectOptions = {}): Promise<ProtectedCluster> {
  const scratch = await makeScratch(options.where);
  const patient: Patient = {
    ...patientIn(scratch, options.name),
    ...(options.wal === undefined ? {} : { wal: options.wal }),
  };
  const source = await startSource(scratch, patient, options);
  try {
    await makePrivateDirectory(patient.sandboxDirectory);
    const admin = parseConninfo(source.conninfo());
    const repository = await openOrCreateRepository(patient);
    return {
      source,
      tools: source.tools,
      scratch,
      patient,
      admin,
      repository,
      sql: async <Row extends object>(text: string, database = 'postgres'): Promise<Row[]> =>
        await withConnection({ ...admin, dbname: database }, async (client) => {
          const results = [await client.query<Row>(text)].flat();
          return results.at(-1)?.rows ?? [];
        }),
      backup: async (type = 'full', operation = `test/${++operations}`, limits) =>
        await takeBackup(
          source.tools,
          { repository, connection: patient.connection, type, ...(limits === undefined ? {} : { limits }) },
          standaloneContext(operation),
        ),
      archive: () => archiveNow(patient),
      remove: async () => {
        await source.stop('immediate');
        await removeScratch(scratch);
      },
    };
  } catch (error) {
    await source.stop('immediate');
    await removeScratch(scratch);
    throw error;
  }
}

function patientIn(scratch: string, name = 'shop'): Patient {
  const repository = join(scratch, 'repository');
  const pairs = { port: '5432', user: 'pgdrill', dbname: 'postgres' };
  return {
    name,
    connection: { host: join(scratch, 'source'), ...pairs },
    repository,
    walDirectory: join(repository, 'wal'),
    ownWalDirectory: true,
    sandboxDirectory: join(scratch, 'sandboxes'),
    archiveTimeoutMs: 30_000,
  };
}

/** A running server that the doctor has set up: a copy of one that was set up for the whole run, unless it is to be its own. */
async function startSource(scratch: string, patient: Patient, options: ProtectOptions): Promise<TestCluster> {
  const { settings = {}, initdbArgs = [], major = 17, ownIdentity = false } = options;
  if (ownIdentity || options.wal !== undefined) {
    const source = await startTestCluster(scratch, { settings, initdbArgs, major, ownIdentity });
    await setUp(patient, source);
    await source.restart();
    return source;
  }
  const template = await onceARun(templateName('protected', major, initdbArgs), async (path) => {
    await makePrivateDirectory(path);
    const source = await startTestCluster(path, { initdbArgs, major });
    try {
      await setUp(patientIn(path), source);
    } finally {
      await source.stop();
    }
    await moveArchive(source.dataDirectory, patientIn(path).walDirectory, nowhere);
  });
  return await startTestCluster(scratch, {
    settings,
    major,
    fill: async (dataDirectory) => {
      await copyDirectory(join(template, 'source', 'data'), dataDirectory);
      await moveArchive(dataDirectory, nowhere, patient.walDirectory);
    },
  });
}

async function setUp(patient: Patient, source: TestCluster): Promise<void> {
  const client = await source.connect();
  await client.query(pgdrillRole);
  await client.end();
  await applyFixes(patient, parseConninfo(source.conninfo()));
}

/** Stands for the archive's directory in the settings of a cluster that is there to be copied. */
const nowhere = '/nowhere/wal';

async function moveArchive(dataDirectory: string, from: string, to: string): Promise<void> {
  const settings = join(dataDirectory, 'postgresql.auto.conf');
  const text = await readFile(settings, 'utf8');
  if (!text.includes(`'${from}'`)) throw new Error(`${settings} does not name ${from}:\n${text}`);
  await writeFile(settings, text.replace(`'${from}'`, `'${to}'`));
}

/** What `pgdrill init` prints: the tests prove that it is enough. */
export const pgdrillRole = roleSql('pgdrill');

async function archiveNow({ connection, walDirectory, archiveTimeoutMs }: Patient): Promise<string> {
  return await withConnection(connection, async (client) => {
    const { timeline, walSegmentSizeBytes } = await readSource(client);
    const { rows } = await client.query<{ lsn: string }>(`select pg_create_restore_point('test-archive')::text as lsn`);
    await client.query(`select pg_switch_wal()`);
    const lsn = rows[0]?.lsn ?? '0/0';
    await waitForSegment(
      { directory: walDirectory, segmentSizeBytes: walSegmentSizeBytes },
      { timeline, lsn },
      { timeoutMs: archiveTimeoutMs, signal: new AbortController().signal, explain: () => Promise.resolve('') },
    );
    return lsn;
  });
}
