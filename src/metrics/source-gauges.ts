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
  stream?: StreamFigures;
}

/** Of a cluster whose WAL is streamed. */
interface StreamFigures {
  receiving: boolean;
  /** Up to where it has been written down; null where none is connected. */
  receivedBytes: number | null;
  /** WAL that its slot keeps on the source; null where there is no slot. */
  heldBytes: number | null;
  /** `max_slot_wal_keep_size`; null where that is unlimited. */
  limitBytes: number | null;
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
        showStream(gauges, name, position.stream);
        if (position.archiverFailures !== undefined) gauges.failures.set({ cluster: name }, position.archiverFailures);
      }),
    );
  };
}

function showStream(gauges: ReturnType<typeof createGauges>, cluster: string, stream: StreamFigures | undefined): void {
  if (stream === undefined) return;
  const { receiving, receivedBytes, heldBytes, limitBytes } = stream;
  gauges.receiving.set({ cluster }, receiving ? 1 : 0);
  if (receivedBytes !== null) gauges.received.set({ cluster }, receivedBytes);
  if (heldBytes !== null) gauges.held.set({ cluster }, heldBytes);
  if (limitBytes !== null) gauges.limit.set({ cluster }, limitBytes);
}

function createGauges(registry: Registry) {
  const gauge = gaugesIn(registry);
  return {
    reachable: gauge('source_reachable', 'Whether the source answered at this scrape: 1 or 0.', ['cluster']),
    position: gauge('source_wal_position_bytes', 'How far the source has written WAL.', ['cluster']),
    received: gauge('wal_received_position_bytes', 'How far the WAL stream has been written down.', ['cluster']),
    receiving: gauge('wal_stream_receiving', 'Whether the WAL stream is connected to its slot: 1 or 0.', ['cluster']),
    held: gauge('wal_slot_held_bytes', 'WAL that the slot of the stream keeps on the source.', ['cluster']),
    limit: gauge('wal_slot_limit_bytes', 'How much it may keep (max_slot_wal_keep_size).', ['cluster']),
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
  const { rows } = await client.query<{ positionBytes: number } & StreamFigures>(
    `with here as (select ${positionSql} as position)
     select position as "positionBytes",
            r.pid is not null as receiving,
            (r.write_lsn - '0/0')::float8 as "receivedBytes",
            position - (s.restart_lsn - '0/0')::float8 as "heldBytes",
            (select nullif(setting, '-1')::float8 * 1024 * 1024
               from pg_settings where name = 'max_slot_wal_keep_size') as "limitBytes"
       from here
       left join pg_replication_slots s on s.slot_name = $1
       left join pg_stat_replication r on r.pid = s.active_pid`,
    [slot],
  );
  const { positionBytes, ...stream } = one(rows);
  return { positionBytes, stream };
}

function one<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('the source answered without a row');
  return row;
}
