import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { makePrivateDirectory } from '../src/files/durable.js';
import { type Conninfo, formatConninfo } from '../src/postgres/conninfo.js';
import { withConnection } from '../src/postgres/connection.js';
import { initdb, launchInstance, stopInstance, waitUntilReady } from '../src/postgres/instance.js';
import { readManifest } from '../src/postgres/manifest.js';
import { runTool } from '../src/process/run-tool.js';
import { compareContent } from '../src/proof/content/compare-content.js';
import type { ClusterFingerprint } from '../src/proof/fingerprint-schema.js';
import { fingerprintDatabase } from '../src/proof/content/fingerprint.js';
import { judgeLink, type LinkedBackup } from '../src/repository/link-safety.js';
import { ensurePostgres, toolEnvironment, toolPath } from '../src/toolchain/postgres.js';

// Usage: silent-loss [17|18]. Stock PostgreSQL loses committed rows through its own incremental backups, and its own checks say that all
// is well; then pgdrill's two checks look at the same backups. docs/postgresql-incremental-faults.md explains it. Everything
// happens in a directory below /tmp that is removed at the end. Exit code 0 where pgdrill saw what PostgreSQL did not.

const major = process.argv[2] === '18' ? 18 : 17;
const tables = Array.from({ length: 12 }, (_, index) => `orders_${index + 1}`);
const { signal } = new AbortController();
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const tools = await ensurePostgres({ progress: say, major });
const outer = await mkdtemp('/tmp/pgdrill-loss-');
await chmod(outer, 0o755);
const scratch = join(outer, 's');
const servers: string[] = [];

async function tool(name: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await runTool({ file: toolPath(tools, name), args, env: toolEnvironment(tools) });
  return (stdout + stderr).trim();
}

/** What a person would have typed. */
async function show(name: string, ...args: string[]): Promise<void> {
  say(`$ ${[name, ...args].join(' ').replaceAll(`${scratch}/`, '').replaceAll(scratch, '.')}`);
  for (const line of (await tool(name, ...args)).split('\n').filter((text) => text !== '')) say(`    ${line}`);
}

async function start(directory: string, settings: Readonly<Record<string, string>>): Promise<Conninfo> {
  const dataDirectory = join(directory, 'data');
  const logFile = join(directory, 'server.log');
  servers.push(dataDirectory);
  await launchInstance(tools, {
    dataDirectory,
    logFile,
    settings: { listen_addresses: '', unix_socket_directories: directory, fsync: 'off', ...settings },
  });
  await waitUntilReady(dataDirectory, { logFile, timeoutMs: 60_000, signal });
  return { host: directory, port: '5432', user: 'postgres', dbname: 'postgres' };
}

async function sql(connection: Conninfo, ...statements: string[]): Promise<void> {
  await withConnection(connection, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

async function fingerprint(connection: Conninfo): Promise<ClusterFingerprint> {
  const content = await fingerprintDatabase({ connection, database: 'postgres', connections: 2, signal });
  const sequences = { lsn: '0/0', states: [], unreadable: [] };
  return {
    formatVersion: 1,
    takenAt: new Date().toISOString(),
    databases: [{ ...content, sequences, schemaSql: '' }],
    globalsSql: '',
  };
}

async function linkOf(name: string): Promise<LinkedBackup> {
  const dataDirectory = join(scratch, name);
  const { timeline, startLsn } = await readManifest(dataDirectory);
  return { record: { id: name, timeline, startLsn }, dataDirectory };
}

async function demonstrate(): Promise<boolean> {
  say(`PostgreSQL ${tools.version}, data checksums on, WAL summaries on; twelve tables of orders.\n`);
  const home = join(scratch, 'source');
  await makePrivateDirectory(home);
  await initdb(tools, join(home, 'data'), { superuser: 'postgres', args: ['--no-sync', '--data-checksums'] });
  const source = await start(home, { summarize_wal: 'on', autovacuum: 'off' });
  const address = `--dbname=${formatConninfo(source)}`;
  const orders = (from: number, to: number): string =>
    `select i, repeat('x', 200) from generate_series(${from}, ${to}) as i`;
  for (const table of tables) await sql(source, `create table ${table} as ${orders(1, 3_000)}`);

  await show('pg_basebackup', address, `--pgdata=${join(scratch, 'full')}`, '--checkpoint=fast', '--no-sync');
  say(
    '\nOn each table: old orders are deleted, VACUUM gives the room back, a checkpoint passes, and new orders come in.',
  );
  for (const table of tables) {
    await sql(source, `delete from ${table} where i > 600`, `vacuum ${table}`, 'checkpoint');
    await sql(source, `insert into ${table} ${orders(10_001, 12_000)}`, 'checkpoint');
  }
  say('');
  const manifest = join(scratch, 'full', 'backup_manifest');
  const data = join(scratch, 'restored', 'data');
  await makePrivateDirectory(join(scratch, 'restored'));
  await show(
    'pg_basebackup',
    address,
    `--pgdata=${join(scratch, 'incremental')}`,
    `--incremental=${manifest}`,
    '--checkpoint=fast',
    '--no-sync',
  );
  await show('pg_verifybackup', join(scratch, 'full'));
  await show('pg_verifybackup', join(scratch, 'incremental'));
  await show('pg_combinebackup', join(scratch, 'full'), join(scratch, 'incremental'), '-o', data, '--no-sync');
  await show('pg_verifybackup', data);

  const restored = await start(join(scratch, 'restored'), { summarize_wal: 'off', autovacuum: 'off' });
  await show('pg_amcheck', `--install-missing`, '--heapallindexed', formatConninfo(restored));
  say('\nPostgreSQL’s own tools found nothing wrong. The rows:\n');
  const wrong = await showCounts(source, restored);

  say('\npgdrill, of the backup (judgeLink):');
  const judgement = await judgeLink(
    { connection: source, chain: [await linkOf('full')], incremental: await linkOf('incremental') },
    signal,
  );
  const reasons = judgement.safe ? ['safe'] : judgement.reasons;
  for (const reason of reasons) say(`    ${reason}`);
  say('\npgdrill, of the restored server (fingerprint of every table, source against restored):');
  const check = compareContent(await fingerprint(source), await fingerprint(restored));
  say(`    ${check.status}: ${check.summary}`);
  for (const { object, detail } of check.problems) say(`    ${object}: ${detail}`);
  if (wrong === 0) {
    say('\nThis time the order in which this file system lists the summaries harmed no table; run it again.');
    return judgement.safe && check.status === 'passed';
  }
  return !judgement.safe && check.status === 'failed';
}

/** @returns how many tables differ in what a plain look at their rows shows. */
async function showCounts(source: Conninfo, restored: Conninfo): Promise<number> {
  interface Counts {
    rows: string;
    newest: string;
  }
  const countsOf = async (connection: Conninfo, table: string): Promise<Counts> =>
    await withConnection(connection, async (client) => {
      const { rows } = await client.query<Counts>(
        `select count(*)::text as rows, count(*) filter (where i > 10000)::text as newest from ${table}`,
      );
      return rows[0] ?? { rows: '?', newest: '?' };
    });
  say('    table       source: rows, new orders     restored: rows, new orders');
  let wrong = 0;
  for (const table of tables) {
    const [before, after] = [await countsOf(source, table), await countsOf(restored, table)];
    const differs = before.rows !== after.rows || before.newest !== after.newest;
    if (differs) wrong += 1;
    const column = ({ rows, newest }: Counts): string => `${rows.padStart(13)} ${newest.padStart(11)}`;
    say(`    ${table.padEnd(10)} ${column(before)}     ${column(after)}${differs ? '   WRONG' : ''}`);
  }
  return wrong;
}

async function cleanUp(): Promise<void> {
  for (const dataDirectory of servers.splice(0)) await stopInstance(tools, dataDirectory, 'immediate');
  await rm(outer, { recursive: true, force: true });
}

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    void cleanUp().finally(() => process.exit(name === 'SIGINT' ? 130 : 143));
  });
}
try {
  await makePrivateDirectory(scratch);
  process.exitCode = (await demonstrate()) ? 0 : 1;
} finally {
  await cleanUp();
}
