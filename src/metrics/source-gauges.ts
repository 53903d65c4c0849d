import type { Registry } from 'prom-client';

import type { ResolvedCluster } from '../configuration/cluster.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import { type Collector, gaugesIn } from './gauges.js';

type AskedCluster = Pick<ResolvedCluster, 'name' | 'connection' | 'wal'>;

/** A source that does not answer must not hold a scrape up for longer than Prometheus waits (10 s by default). */
const patienceSeconds = 3;

interface Position {
  positionBytes: number;
  /** What the archiver has failed at since the server's statistics began; absent where WAL is streamed. */
  archiverFailures?: number;
  /** Up to where the stream has been written down; absent where none is connected. */
  receivedBytes?: number;
}

/** How far the sources are: one short session each, at each scrape. One that does not answer has `pgdrill_source_reachable` 0. */
export function collectSources(clusters: readonly AskedCluster[]): Collector {
  return async (registry) => {
    const gauges = createGauges(registry);
    await Promise.all(
      clusters.map(async (cluster) => {
        const { name } = cluster;
        const position = await ask(cluster).catch(() => undefined);
        gauges.reachable.set({ cluster: name }, position === undefined ? 0 : 1);
        if (position === undefined) return;
        gauges.position.set({ cluster: name }, position.positionBytes);
        if (position.receivedBytes !== undefined) gauges.received.set({ cluster: name }, position.receivedBytes);
        if (position.archiverFailures !== undefined) gauges.failures.set({ cluster: name }, position.archiverFailures);
      }),
    );
  };
}

function createGauges(registry: Registry) {
  const gauge = gaugesIn(registry);
  return {
    reachable: gauge('source_reachable', 'Whether the source answered at this scrape: 1 or 0.', ['cluster']),
    position: gauge('source_wal_position_bytes', 'How far the source has written WAL.', ['cluster']),
    received: gauge('wal_received_position_bytes', 'How far the WAL stream has been written down.', ['cluster']),
    failures: gauge('archiver_failures', 'Failed attempts of the source’s archiver since its statistics began.', [
      'cluster',
    ]),
  };
}

async function ask({ connection, wal }: AskedCluster): Promise<Position> {
  return await withConnection(
    connection,
    async (client) => (wal.mode === 'stream' ? await readStream(client, wal.slot) : await readArchiver(client)),
    {
      overrides: { connect_timeout: String(patienceSeconds), application_name: 'pgdrill metrics' },
      signal: AbortSignal.timeout(patienceSeconds * 1_000),
    },
  );
}

/** Both on a primary and on a standby. float8 holds positions up to 8 PiB exactly. */
const positionSql = `(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end - '0/0')::float8`;

async function readArchiver(client: Connection): Promise<Position> {
  const { rows } = await client.query<Required<Pick<Position, 'positionBytes' | 'archiverFailures'>>>(
    `select ${positionSql} as "positionBytes", failed_count::float8 as "archiverFailures" from pg_stat_archiver`,
  );
  return one(rows);
}

async function readStream(client: Connection, slot: string): Promise<Position> {
  const { rows } = await client.query<{ positionBytes: number; receivedBytes: number | null }>(
    `select ${positionSql} as "positionBytes",
            (select (r.write_lsn - '0/0')::float8
               from pg_replication_slots s join pg_stat_replication r on r.pid = s.active_pid
              where s.slot_name = $1) as "receivedBytes"`,
    [slot],
  );
  const { positionBytes, receivedBytes } = one(rows);
  return { positionBytes, ...(receivedBytes === null ? {} : { receivedBytes }) };
}

function one<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('the source answered without a row');
  return row;
}
