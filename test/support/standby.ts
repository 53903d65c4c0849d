import { type Conninfo, formatConninfo, parseConninfo } from '../../src/postgres/conninfo.js';
import { withConnection } from '../../src/postgres/connection.js';
import { runTool } from '../../src/process/run-tool.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import { startTestCluster, type TestCluster } from './cluster.js';
import { crashSource } from './crash.js';
import { eventually } from './programs.js';
import { promoteStandby } from './promote.js';
import type { ProtectedCluster } from './protected-cluster.js';

/**
 * A streaming standby of a protected cluster, set up like it: once promoted it archives into the same directory.
 *
 *   const standby = await makeStandby(shop);
 *   const loaded = await configure(shop, { connection: bothHosts(shop, standby) });
 *   await standby.cutOff();             // what the primary commits from now on, a failover loses
 *   await crashSource(shop);            // the primary is gone …
 *   await standby.promote();            // … and its standby goes on, on a new timeline
 *   await standby.remove();             // before shop.remove()
 */
export interface Standby {
  cluster: TestCluster;
  /** That of role `pgdrill`. */
  connection: Conninfo;
  /** Runs SQL as superuser. @returns the rows of the last statement. */
  sql: ProtectedCluster['sql'];
  /** Waits until it has replayed all that the primary has written by now. */
  caughtUp: () => Promise<void>;
  /** It receives nothing from now on. */
  cutOff: () => Promise<void>;
  /** It goes on by itself, on a new timeline, which it has archived. */
  promote: () => Promise<void>;
  /** The primary dies, the standby is promoted and takes over its address. */
  takeOver: () => Promise<void>;
  remove: () => Promise<void>;
}

/** @param settings of its server, on top of what it has from the primary. */
export async function makeStandby(
  shop: ProtectedCluster,
  settings: Readonly<Record<string, string>> = {},
): Promise<Standby> {
  const cluster = await startTestCluster(shop.scratch, {
    name: 'standby',
    settings,
    fill: async (dataDirectory) => {
      await runTool({
        file: toolPath(shop.tools, 'pg_basebackup'),
        args: [
          `--dbname=${formatConninfo(shop.admin)}`,
          `--pgdata=${dataDirectory}`,
          '--checkpoint=fast',
          '--no-sync',
          '--write-recovery-conf',
        ],
        env: toolEnvironment(shop.tools),
      });
    },
  });
  const admin = parseConninfo(cluster.conninfo());
  const sql: Standby['sql'] = async <Row extends object>(text: string, database = 'postgres'): Promise<Row[]> =>
    await withConnection({ ...admin, dbname: database }, async (client) => {
      const results = [await client.query<Row>(text)].flat();
      return results.at(-1)?.rows ?? [];
    });
  await eventually('the standby to stream', async () => {
    const [row] = await sql<{ status: string }>(`select status from pg_stat_wal_receiver`);
    return row?.status === 'streaming' ? true : undefined;
  });
  const caughtUp = async (): Promise<void> => {
    const [primary] = await shop.sql<{ lsn: string }>(`select pg_current_wal_flush_lsn()::text as lsn`);
    await eventually('the standby to have everything', async () => {
      const [row] = await sql<{ there: boolean }>(`select pg_last_wal_replay_lsn() >= '${primary!.lsn}' as there`);
      return row?.there === true ? true : undefined;
    });
  };
  return {
    cluster,
    connection: { ...shop.patient.connection, host: cluster.directory },
    sql,
    caughtUp,
    cutOff: async () => {
      await sql(`alter system set primary_conninfo = ''`);
      await sql(`select pg_reload_conf()`);
      await eventually('the standby to be cut off', async () =>
        (await sql(`select from pg_stat_wal_receiver`)).length === 0 ? true : undefined,
      );
    },
    promote: () => promoteStandby(cluster),
    takeOver: async () => {
      await caughtUp();
      await crashSource(shop);
      await promoteStandby(cluster);
      await cluster.stop();
      await cluster.start({ unix_socket_directories: shop.source.directory });
    },
    remove: () => cluster.remove(),
  };
}

/** A connection of role `pgdrill` to whichever of the two is the primary. */
export function bothHosts(shop: ProtectedCluster, standby: Standby): string {
  const host = `${shop.source.directory},${standby.cluster.directory}`;
  return formatConninfo({ ...shop.patient.connection, host, target_session_attrs: 'read-write' });
}
