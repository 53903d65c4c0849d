import { setTimeout as sleep } from 'node:timers/promises';

import { FenceError } from '../../errors.js';
import type { Conninfo } from '../../postgres/conninfo.js';
import { type Connection, connect } from '../../postgres/connection.js';
import { bigIntToLsn, compareLsn, lsnToBigInt, maxLsn } from '../../postgres/lsn.js';
import { listTransactionEnds } from '../../postgres/transaction-ends.js';
import type { StepContext } from '../../process/step-context.js';
import type { Fence } from '../../schema/results.js';
import type { PostgresTools } from '../../toolchain/postgres.js';
import { readTouchedDatabases } from './commit-databases.js';
import { type Cut, findCut, unexplained } from './find-cut.js';
import { parseSnapshot } from './snapshot.js';

/** How far before the snapshots commits are looked for: those whose records were written while not yet visible. One default segment. */
const lookbackBytes = 16n * 1024n * 1024n;

/** On a busy server 4 of 100 tries find no LSN; ten in a row are a sign of something else. */
const mostTries = 10;

export interface FenceRequest {
  connection: Conninfo;
  databases: readonly { oid: number; name: string }[];
  walDirectory: string;
  timeline: number;
  segmentSizeBytes: number;
  /** WAL before this is not in the archive (or does not matter): the scan begins here at the earliest. */
  scanFloorLsn: string;
  restorePointPrefix: string;
  /** Waits until the archive holds the WAL up to an LSN. */
  waitForWal: (lsn: string) => Promise<void>;
  /** Called before each try's snapshots, for what has to be read before them. */
  beforeSnapshots: () => Promise<void>;
}

export interface HeldFence {
  fence: Fence;
  /** Exported snapshots, by database; they live until `release`. */
  exported: ReadonlyMap<string, string>;
  release: () => Promise<void>;
}

/**
 * Takes a fence: snapshots of every database and the one LSN at which replay yields exactly them (design, "The fence"). Tries again
 * where no LSN matches.
 *
 * @throws FenceError when no try succeeds.
 */
export async function takeFence(tools: PostgresTools, request: FenceRequest, context: StepContext): Promise<HeldFence> {
  const reasons: string[] = [];
  for (let tries = 1; tries <= mostTries; tries += 1) {
    context.signal.throwIfAborted();
    context.progress({ doing: `taking the fence (try ${tries})` });
    const attempt = await tryFence(
      tools,
      request,
      `${request.restorePointPrefix}-${context.attempt}-${tries}`,
      context,
    );
    if ('conflict' in attempt) {
      reasons.push(attempt.conflict);
      continue;
    }
    return { ...attempt, fence: { ...attempt.fence, tries } };
  }
  throw new FenceError({
    what: `No fence could be had in ${mostTries} tries; the last time: ${reasons.at(-1) ?? ''}.`,
    means: 'No position in the WAL equals what a snapshot of the source shows, so nothing could be compared exactly.',
    todo: 'Nothing, at first: it is tried again. If it lasts, look for transactions that hang in commit (synchronous replication).',
  });
}

async function tryFence(
  tools: PostgresTools,
  request: FenceRequest,
  restorePoint: string,
  context: StepContext,
): Promise<HeldFence | { conflict: string }> {
  const connections: Connection[] = [];
  const release = async (): Promise<void> => {
    await Promise.allSettled(connections.map((client) => client.end()));
  };
  const open = async (database?: string): Promise<Connection> => {
    const client = await connect(request.connection, database === undefined ? {} : { dbname: database });
    connections.push(client);
    return client;
  };
  const abort = (): void => void release();
  context.signal.addEventListener('abort', abort, { once: true });
  try {
    const marker = await open();
    const holders = await Promise.all(request.databases.map(async ({ name }) => ({ name, client: await open(name) })));
    await request.beforeSnapshots();
    const before = await one<{ lsn: string }>(marker, `select pg_current_wal_insert_lsn()::text as lsn`);
    const held = await Promise.all(holders.map(({ name, client }) => holdSnapshot(name, client)));
    const point = await one<{ lsn: string; at: string }>(
      marker,
      `select pg_create_restore_point($1)::text as lsn,
              to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at`,
      [restorePoint],
    );
    // In the WAL, every transaction that has left `later` has ended before this position.
    const later = await one<{ snapshot: string; lsn: string; waiting: string[] }>(
      marker,
      `select pg_current_snapshot()::text as snapshot,
              pg_current_wal_insert_lsn()::text as lsn,
              array(select backend_xid::text from pg_stat_activity where wait_event = 'SyncRep' and backend_xid is not null) as waiting`,
    );
    await marker.query(`select pg_switch_wal()`);
    await request.waitForWal(maxLsn(point.lsn, later.lsn));

    const snapshots = held.map(({ database, snapshot }) => ({ database, snapshot: parseSnapshot(snapshot) }));
    const range = {
      walDirectory: request.walDirectory,
      segmentSizeBytes: request.segmentSizeBytes,
      timeline: request.timeline,
      from: scanStart(before.lsn, request.scanFloorLsn, request.segmentSizeBytes),
      to: later.lsn,
    };
    const ends = await listTransactionEnds(tools, range, { signal: context.signal });
    // A commit that waits for a synchronous standby is in the WAL but still counts as running: its place may lie before the scan.
    const running = new Set(
      [...parseSnapshot(later.snapshot).inProgress].filter((xid) => !later.waiting.includes(String(xid & 0xffffffffn))),
    );
    const unknown = unexplained(ends, snapshots, running);
    if (unknown.length > 0) {
      await release();
      return { conflict: `transaction ${unknown.join(', ')} committed before the WAL that was searched` };
    }
    let cut: Cut = findCut(ends, snapshots, point.lsn);
    if ('conflict' in cut && request.databases.length > 1) {
      const touched = await readTouchedDatabases(tools, range, context.signal);
      const oids = new Map(request.databases.map(({ name, oid }) => [name, oid]));
      cut = findCut(ends, snapshots, point.lsn, (end, database) => touched(end, oids.get(database) ?? 0));
    }
    if ('conflict' in cut) {
      await release();
      await sleep(Math.random() * 200); // out of step with whatever the load does
      return cut;
    }
    return {
      fence: {
        lsn: cut.lsn,
        timeline: request.timeline,
        restorePoint,
        restorePointLsn: point.lsn,
        takenAt: point.at,
        tries: 1,
        snapshots: held.map(({ database, snapshot }) => ({ database, snapshot })),
        commitsSeen: cut.commitsSeen,
        commitsUnseen: cut.commitsUnseen,
      },
      exported: new Map(held.map(({ database, exported }) => [database, exported])),
      release,
    };
  } catch (error) {
    await release();
    context.signal.throwIfAborted();
    throw error;
  } finally {
    context.signal.removeEventListener('abort', abort);
  }
}

async function holdSnapshot(
  database: string,
  client: Connection,
): Promise<{ database: string; exported: string; snapshot: string }> {
  await client.query(`set idle_in_transaction_session_timeout = 0`);
  await client.query(`set transaction_timeout = 0`);
  await endWithOurHost(client);
  await client.query(`begin isolation level repeatable read read only`);
  const { exported, snapshot } = await one<{ exported: string; snapshot: string }>(
    client,
    `select pg_export_snapshot() as exported, pg_current_snapshot()::text as snapshot`,
  );
  return { database, exported, snapshot };
}

/**
 * A worker that dies closes its connections, and the server ends the session at once. A host that loses its power says nothing: without
 * this, the server would hold the snapshot (and its vacuum back) for the two hours of the system's TCP keepalive. Ignored on Unix sockets.
 */
async function endWithOurHost(client: Connection): Promise<void> {
  for (const [name, seconds] of [
    ['tcp_keepalives_idle', 30],
    ['tcp_keepalives_interval', 10],
    ['tcp_keepalives_count', 3],
  ] as const)
    await client.query(`set ${name} = ${seconds}`).catch(() => undefined); // not every platform can
}

/** At a segment's beginning: behind a WAL switch the rest of a segment holds no record that pg_waldump could begin with. */
function scanStart(beforeLsn: string, floorLsn: string, segmentSizeBytes: number): string {
  const size = BigInt(segmentSizeBytes);
  const wanted = lsnToBigInt(beforeLsn) - lookbackBytes;
  const start = bigIntToLsn(wanted > 0n ? (wanted / size) * size : 0n);
  return compareLsn(start, floorLsn) > 0 ? start : floorLsn;
}

async function one<T extends object>(client: Connection, sql: string, values: readonly unknown[] = []): Promise<T> {
  const { rows } = await client.query<T>(sql, [...values]);
  const [row] = rows;
  if (row === undefined) throw new RangeError(`no row from: ${sql}`);
  return row;
}

/** The databases that a drill compares: all that take connections, without the templates (holding one blocks CREATE DATABASE). */
export async function listDatabases(client: Connection): Promise<{ oid: number; name: string }[]> {
  const { rows } = await client.query<{ oid: number; name: string }>(
    `select oid, datname as name
       from pg_database
      where datallowconn and not datistemplate
      order by datname`,
  );
  return rows;
}
