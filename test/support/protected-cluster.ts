import { join } from 'node:path';

import { applyFixes, type Patient } from '../../src/doctor/doctor.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import { type Conninfo, parseConninfo } from '../../src/postgres/conninfo.js';
import { readSource } from '../../src/postgres/source.js';
import { withConnection } from '../../src/postgres/connection.js';
import { standaloneContext } from '../../src/process/step-context.js';
import type { ChainPolicy } from '../../src/repository/choose-chain.js';
import { openRepository, type Repository } from '../../src/repository/repository.js';
import { takeBackup } from '../../src/repository/take-backup.js';
import { waitForSegment } from '../../src/repository/wal-archive.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import { roleSql } from '../../src/setup/role-sql.js';
import { startTestCluster, type TestCluster } from './cluster.js';
import { makeScratch, removeScratch } from './scratch.js';

/**
 * A cluster as pgdrill protects it: a running source that `doctor --fix` has set up (archive into the repository with basic_archive, WAL
 * summaries) and that was restarted since, the role `pgdrill` that `pgdrill init` makes, and an empty repository.
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

/**
 * @param options.settings of the server, on top of what the doctor sets.
 * @param options.prepare runs before the role and the archive are set up, with the superuser's rights.
 */
export async function protectCluster(
  options: {
    settings?: Readonly<Record<string, string>>;
    initdbArgs?: readonly string[];
    major?: 17 | 18;
    name?: string;
  } = {},
): Promise<ProtectedCluster> {
  const scratch = await makeScratch();
  const source = await startTestCluster(scratch, {
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(options.initdbArgs === undefined ? {} : { initdbArgs: options.initdbArgs }),
    ...(options.major === undefined ? {} : { major: options.major }),
  });
  try {
    const admin = parseConninfo(source.conninfo());
    const repositoryPath = join(scratch, 'repository');
    const patient: Patient = {
      name: options.name ?? 'shop',
      connection: parseConninfo(source.conninfo({ user: 'pgdrill' })),
      repository: repositoryPath,
      walDirectory: join(repositoryPath, 'wal'),
      ownWalDirectory: true,
      sandboxDirectory: join(scratch, 'sandboxes'),
      archiveTimeoutMs: 30_000,
    };
    await makePrivateDirectory(patient.sandboxDirectory);
    const sql = async <Row extends object>(text: string, database = 'postgres'): Promise<Row[]> =>
      await withConnection({ ...admin, dbname: database }, async (client) => {
        const results = [await client.query<Row>(text)].flat();
        return results.at(-1)?.rows ?? [];
      });
    await sql(pgdrillRole);
    await applyFixes(patient, admin);
    await source.restart();
    const repository = await openRepository(patient);
    const shop: ProtectedCluster = {
      source,
      tools: source.tools,
      scratch,
      patient,
      admin,
      repository,
      sql,
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
    return shop;
  } catch (error) {
    await source.stop('immediate');
    await removeScratch(scratch);
    throw error;
  }
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
