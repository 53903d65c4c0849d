import { availableParallelism } from 'node:os';

import { withConnection } from '../src/postgres/connection.js';
import { fingerprintDatabase } from '../src/proof/content/fingerprint.js';
import { checkIndexReads } from '../src/proof/indexes/index-reads.js';
import { bytes } from '../src/schema/figures.js';
import { ensurePostgres } from '../src/toolchain/postgres.js';
import { type BenchCluster, fillBenchCluster, makeBenchCluster } from './bench/bench-cluster.js';

// Usage: bench-proof [GB, 2 by default] [rounds of load, 3] [seconds a round, 20] [17|18]. How fast the proof reads, beside what people
// use otherwise, on the same data in the same run; and what it costs a load on the source. Best on a machine that does nothing else.

const [gigabytes = 2, rounds = 3, secondsARound = 20, major = 17] = process.argv.slice(2).map(Number);
const cores = availableParallelism();
/** As the configuration has it where nothing else is said. */
const defaultConnections = 2;
const stop = new AbortController();
const { signal } = stop;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function fingerprint(cluster: BenchCluster, connections: number, until = signal): Promise<void> {
  await withConnection(
    cluster.connection,
    async (holder) => {
      await holder.query('begin isolation level repeatable read read only');
      const { rows } = await holder.query<{ id: string }>('select pg_export_snapshot() as id');
      const { relations } = await fingerprintDatabase({
        connection: cluster.connection,
        database: 'postgres',
        snapshot: rows[0]?.id,
        connections,
        // As a drill reads its source: it rests while a load is at work there. Without a load that changes nothing.
        gentle: true,
        deadline: performance.now() + 3_600_000,
        signal: until,
      });
      const unread = relations.find(({ unreadable, changed }) => unreadable ?? changed);
      if (unread !== undefined) throw new Error(`${unread.name} could not be read`);
    },
    { signal: until },
  );
}

async function sql<T extends object>(cluster: BenchCluster, text: string): Promise<T> {
  return await withConnection(
    cluster.connection,
    async (client) => {
      await client.query(`set max_parallel_workers_per_gather = 0`);
      return (await client.query<T>(text)).rows[0] ?? ({} as T);
    },
    { signal },
  );
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1_000;
}

async function measureReading(cluster: BenchCluster): Promise<void> {
  const { size } = await sql<{ size: number }>(
    cluster,
    `select sum(pg_table_size(oid))::float8 as size from pg_class where relkind = 'r' and oid >= 16384`,
  );
  const tables = (
    await sql<{ names: string[] }>(
      cluster,
      `select array_agg(relname::text) as names from pg_class where relkind = 'r' and oid >= 16384`,
    )
  ).names;
  say(
    `${bytes(size)} in ${tables.length} tables, ${cores} cores, PostgreSQL ${major}. Read once before, so that all find the same caches.`,
  );
  await fingerprint(cluster, cores);
  const dump = await seconds(() =>
    cluster.tool('pg_dump', ['--format=custom', '--no-sync', '--file=/dev/null'], signal),
  );
  const results: [string, number][] = [
    ['fingerprint, 1 connection', await seconds(() => fingerprint(cluster, 1))],
    [`fingerprint, ${cores} connections`, await seconds(() => fingerprint(cluster, cores))],
    [
      `index reads, ${cores} connections`,
      await seconds(async () => {
        const { connection } = cluster;
        const { check } = await checkIndexReads({ connection, databases: ['postgres'], connections: cores, signal });
        if (check.status !== 'passed') throw new Error(check.summary);
      }),
    ],
    ['pg_dump --format=custom', dump],
    [
      'select md5(string_agg(md5(row::text), …))',
      await seconds(async () => {
        for (const table of tables) {
          await sql(cluster, `select md5(string_agg(md5(t::text), '' order by t.ctid)) from ${table} as t`);
        }
      }),
    ],
    [
      `pg_amcheck --heapallindexed --jobs=${cores}`,
      await seconds(() =>
        cluster.tool('pg_amcheck', ['--heapallindexed', '--install-missing', `--jobs=${cores}`], signal),
      ),
    ],
  ];
  say(`\n${''.padEnd(44)}${'seconds'.padStart(10)}${'GB/s'.padStart(10)}${'× pg_dump'.padStart(12)}`);
  for (const [name, took] of results) {
    const figures = [
      took.toFixed(1).padStart(10),
      (size / took / 1e9).toFixed(2).padStart(10),
      (dump / took).toFixed(1).padStart(12),
    ];
    say(`${name.padEnd(44)}${figures.join('')}`);
  }
}

/** @returns transactions a second of one round of pgbench's own load. */
async function load(cluster: BenchCluster): Promise<number> {
  const output = await cluster.tool(
    'pgbench',
    ['--no-vacuum', '--client=8', '--jobs=1', `--time=${secondsARound}`],
    signal,
  );
  return Number(/tps = ([\d.]+)/.exec(output)?.[1]);
}

async function measureLoad(cluster: BenchCluster): Promise<void> {
  // As a production server would run: what the load waits for is its WAL.
  await cluster.restart({ fsync: 'on' });
  say(
    `\nA pgbench load (8 clients, ${secondsARound} s a round), without and with the fingerprint at its default settings:`,
  );
  const [without, beside]: [number[], number[]] = [[], []];
  await load(cluster); // not counted: caches
  let fingerprints = 0;
  for (let round = 0; round < rounds; round += 1) {
    without.push(await load(cluster));
    const enough = new AbortController();
    const reading = (async () => {
      while (!enough.signal.aborted) {
        await fingerprint(cluster, defaultConnections, AbortSignal.any([signal, enough.signal])).catch(
          (error: unknown) => {
            if (!enough.signal.aborted) throw error;
          },
        );
        fingerprints += 1;
      }
    })();
    beside.push(await load(cluster));
    enough.abort();
    await reading;
  }
  const [before, after] = [median(without), median(beside)];
  say(
    `    without   ${without.map((tps) => tps.toFixed(0).padStart(7)).join('')}   median ${before.toFixed(0)} transactions a second`,
  );
  say(
    `    with      ${beside.map((tps) => tps.toFixed(0).padStart(7)).join('')}   median ${after.toFixed(0)} transactions a second`,
  );
  say(`    ${(100 - (after / before) * 100).toFixed(1)} % less; ${fingerprints} fingerprints were begun in that time.`);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

const tools = await ensurePostgres({ progress: say, major });
const cluster = await makeBenchCluster(tools);
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));
}
try {
  say(`Making about ${gigabytes} GB of data in ${cluster.connection['host'] ?? ''} …`);
  await fillBenchCluster(cluster, gigabytes * 1e9, signal);
  await measureReading(cluster);
  if (rounds > 0) await measureLoad(cluster);
} finally {
  await cluster.remove();
}
