import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { makePrivateDirectory } from '../../src/files/durable.js';
import { type Conninfo, formatConninfo } from '../../src/postgres/conninfo.js';
import { withConnection } from '../../src/postgres/connection.js';
import { initdb, launchInstance, stopInstance, waitUntilReady } from '../../src/postgres/instance.js';
import { runTool } from '../../src/process/run-tool.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';

/** Of pgbench's tables with their index, and of a row of `mixed` below. */
const bytesAScale = 15_000_000;
const bytesAMixedRow = 370;

export interface BenchCluster {
  connection: Conninfo;
  /** Runs one of PostgreSQL's programs on it; its database is put behind. */
  tool: (name: string, args: readonly string[], signal: AbortSignal) => Promise<string>;
  restart: (settings: Readonly<Record<string, string>>) => Promise<void>;
  /** Stops it and removes all its files. */
  remove: () => Promise<void>;
}

/** A server of its own, below /tmp, with its files' durability off until `restart` says otherwise. */
export async function makeBenchCluster(tools: PostgresTools): Promise<BenchCluster> {
  const outer = await mkdtemp('/tmp/pgdrill-bench-');
  await chmod(outer, 0o755);
  const home = join(outer, 's');
  const dataDirectory = join(home, 'data');
  const logFile = join(home, 'server.log');
  const connection = { host: home, port: '5432', user: 'postgres', dbname: 'postgres' };
  const start = async (settings: Readonly<Record<string, string>>): Promise<void> => {
    const base = { listen_addresses: '', unix_socket_directories: home, shared_buffers: '1GB', max_wal_size: '8GB' };
    await launchInstance(tools, { dataDirectory, logFile, settings: { ...base, autovacuum: 'off', ...settings } });
    await waitUntilReady(dataDirectory, { logFile, timeoutMs: 60_000 });
  };
  const remove = async (): Promise<void> => {
    await stopInstance(tools, dataDirectory, 'immediate');
    await rm(outer, { recursive: true, force: true });
  };
  try {
    await makePrivateDirectory(home);
    await initdb(tools, dataDirectory, { superuser: 'postgres', args: ['--no-sync'] });
    await start({ fsync: 'off' });
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    connection,
    tool: async (name, args, signal) => {
      const { stdout } = await runTool({
        file: toolPath(tools, name),
        args: [...args, formatConninfo(connection)],
        env: toolEnvironment(tools),
        signal,
      });
      return stdout;
    },
    restart: async (settings) => {
      await stopInstance(tools, dataDirectory, 'fast');
      await start(settings);
    },
    remove,
  };
}

/** Half pgbench's tables, half one of many types, vacuumed; about so many bytes. */
export async function fillBenchCluster(cluster: BenchCluster, bytes: number, signal: AbortSignal): Promise<void> {
  const scale = Math.max(1, Math.round(bytes / 2 / bytesAScale));
  await cluster.tool('pgbench', ['--initialize', '--quiet', `--scale=${scale}`], signal);
  await withConnection(
    cluster.connection,
    async (client) => {
      await client.query(`
        create table mixed (
          id bigint primary key, customer int not null, created timestamptz not null, updated timestamp, total numeric(12, 2),
          status text, note text, doc jsonb, uid uuid, flag boolean, weight float8, code varchar(20), day date, tags text[]
        )`);
      await client.query(
        `
        insert into mixed
        select i, i % 10007, '2026-01-01'::timestamptz + i * interval '13 s',
               case when i % 3 <> 0 then '2026-01-01'::timestamp + i * interval '17 s' end,
               (i * 7919 % 1000000) / 100.0, (array['new', 'paid', 'shipped', 'returned'])[1 + i % 4],
               repeat(md5(i::text), 1 + (i % 4)::int),
               jsonb_build_object('k', i, 'name', 'n' || i, 'list', jsonb_build_array(1, 2, i)),
               md5(i::text)::uuid, i % 2 = 0, i / 7.0, 'C-' || i, date '2026-01-01' + (i % 365)::int, array['a', 'b' || i % 10]
        from generate_series(1::bigint, $1::bigint) i
        `,
        [Math.round(bytes / 2 / bytesAMixedRow)],
      );
      await client.query(`create index mixed_customer on mixed (customer, created)`);
      await client.query(`vacuum (analyze) mixed`);
      await client.query(`checkpoint`);
    },
    { signal },
  );
}
