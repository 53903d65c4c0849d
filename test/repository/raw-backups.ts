import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { messageOf } from '../../src/errors.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import { parseConninfo } from '../../src/postgres/conninfo.js';
import { withConnection } from '../../src/postgres/connection.js';
import { launchInstance, stopInstance, waitUntilReady } from '../../src/postgres/instance.js';
import { readManifest } from '../../src/postgres/manifest.js';
import { runTool } from '../../src/process/run-tool.js';
import { judgeLink, type LinkedBackup, type LinkJudgement } from '../../src/repository/link-safety.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import { roleSql } from '../../src/setup/role-sql.js';
import { startTestCluster, type TestCluster } from '../support/cluster.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

/** A cluster with WAL summaries, and backups of it as anybody would take them: with PostgreSQL's own tools, and none of pgdrill's. */
export interface RawCluster {
  cluster: TestCluster;
  scratch: string;
  /** One statement or several; as superuser. @returns the rows of the last. */
  sql: <Row extends object = Record<string, unknown>>(text: string, database?: string) => Promise<Row[]>;
  /** Ends a WAL summary: they are cut at checkpoints. */
  checkpoint: () => Promise<void>;
  full: (name?: string) => Promise<LinkedBackup>;
  incremental: (parent: LinkedBackup, name?: string) => Promise<LinkedBackup>;
  /** As role `pgdrill`, which has pg_monitor and nothing else. */
  judge: (chain: LinkedBackup[], incremental: LinkedBackup) => Promise<LinkJudgement>;
  /** Combines a chain with stock tools (each link is verified with pg_verifybackup), starts the result and gives it to `work`. */
  restored: <T>(chain: LinkedBackup[], work: (read: RawCluster['sql']) => Promise<T>) => Promise<T>;
  remove: () => Promise<void>;
}

/** Autovacuum is off: the tests say when a table is truncated. */
export async function startRawCluster(
  options: { major?: 17 | 18; checksums?: boolean; settings?: Readonly<Record<string, string>> } = {},
): Promise<RawCluster> {
  const scratch = await makeScratch();
  const major = options.major ?? 17;
  const noChecksums = major === 18 ? ['--no-data-checksums'] : [];
  const cluster = await startTestCluster(scratch, {
    major,
    settings: { summarize_wal: 'on', autovacuum: 'off', allow_in_place_tablespaces: 'on', ...options.settings },
    initdbArgs: options.checksums === false ? noChecksums : ['--data-checksums'],
  });
  const raw = rawClusterOf(cluster, scratch);
  await raw.sql(roleSql('pgdrill'));
  return raw;
}

/** The same for a server that is there already, such as a standby. */
export function rawClusterOf(cluster: TestCluster, scratch: string): RawCluster {
  const env = toolEnvironment(cluster.tools);
  const tool = async (name: string, args: readonly string[]): Promise<void> => {
    await runTool({ file: toolPath(cluster.tools, name), args, env });
  };
  const sqlOn =
    (conninfo: string): RawCluster['sql'] =>
    async <Row extends object>(text: string, database = 'postgres') =>
      await withConnection(conninfo, async (client) => [await client.query<Row>(text)].flat().at(-1)?.rows ?? [], {
        overrides: { dbname: database },
      });
  const sql = sqlOn(cluster.conninfo());

  let taken = 0;
  const take = async (
    parent: LinkedBackup | undefined,
    name = `${basename(cluster.directory)}-backup-${++taken}`,
  ): Promise<LinkedBackup> => {
    const dataDirectory = join(scratch, name);
    await tool('pg_basebackup', [
      `--dbname=${cluster.conninfo()}`,
      `--pgdata=${dataDirectory}`,
      '--checkpoint=fast',
      '--no-sync',
      ...(parent === undefined ? [] : [`--incremental=${join(parent.dataDirectory, 'backup_manifest')}`]),
    ]);
    const { timeline, startLsn } = await readManifest(dataDirectory);
    return { record: { id: name, timeline, startLsn }, dataDirectory };
  };

  return {
    cluster,
    scratch,
    sql,
    checkpoint: async () => {
      await sql('checkpoint');
    },
    full: (name) => take(undefined, name),
    incremental: (parent, name) => take(parent, name),
    judge: async (chain, incremental) =>
      await judgeLink(
        { connection: parseConninfo(cluster.conninfo({ user: 'pgdrill' })), chain, incremental },
        new AbortController().signal,
      ),
    restored: async (chain, work) => {
      for (const { dataDirectory } of chain) await tool('pg_verifybackup', ['--quiet', dataDirectory]);
      const directory = join(scratch, `restored-${++taken}`);
      const dataDirectory = join(directory, 'data');
      const logFile = join(directory, 'server.log');
      await makePrivateDirectory(directory);
      await tool('pg_combinebackup', [...chain.map((link) => link.dataDirectory), '-o', dataDirectory, '--no-sync']);
      try {
        await launchInstance(cluster.tools, {
          dataDirectory,
          logFile,
          settings: {
            listen_addresses: '',
            unix_socket_directories: directory,
            fsync: 'off',
            autovacuum: 'off',
            summarize_wal: 'off',
            allow_in_place_tablespaces: 'on',
          },
        });
        await waitUntilReady(dataDirectory, { logFile, timeoutMs: 60_000 });
        return await work(sqlOn(`host=${directory} port=5432 user=postgres dbname=postgres`));
      } finally {
        await stopInstance(cluster.tools, dataDirectory, 'immediate');
        await rm(directory, { recursive: true, force: true });
      }
    },
    remove: async () => {
      await cluster.stop('immediate');
      await removeScratch(scratch);
    },
  };
}

/** Row count and an order-independent hash of some tables, by name. */
export async function contents(
  sql: RawCluster['sql'],
  tables: readonly string[],
  database = 'postgres',
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const table of tables) {
    const reading = sql<{ content: string }>(
      `select count(*) || ' rows, ' || coalesce(sum(hash_record_extended(t, 0)), 0) as content from ${table} as t`,
      database,
    );
    // A TOAST value that is gone makes the table unreadable: content as well.
    found[table] = await reading.then((rows) => rows[0]?.content ?? '', messageOf);
  }
  return found;
}

/** The tables whose content differs between the source and what stock tools restore from a chain. */
export async function differing(
  raw: RawCluster,
  chain: LinkedBackup[],
  tables: readonly string[],
  database = 'postgres',
): Promise<string[]> {
  const restored = await raw.restored(chain, (read) => contents(read, tables, database));
  const source = await contents(raw.sql, tables, database);
  return tables.filter((table) => source[table] !== restored[table]);
}
