import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { exists, makePrivateDirectory } from '../../src/files/durable.js';
import { withConnection } from '../../src/postgres/connection.js';
import { instanceStatus, launchInstance, stopInstance, waitUntilReady } from '../../src/postgres/instance.js';
import type { Evidence } from '../../src/schema/evidence.js';
import type { recover } from '../../workflows/index.js';
import { startTestCluster } from '../support/cluster.js';
import { leftovers, processesUnder } from '../support/leftovers.js';
import { eventually, pgdrill } from '../support/programs.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { start } from '../support/temporal.js';

type RecoverResult = Awaited<ReturnType<typeof recover>>;

let book: Runbook;
let temporal: Runbook['temporal'];
let shop: Runbook['shop'];
let loaded: Runbook['loaded'];
let env: Runbook['env'];

beforeAll(async () => {
  book = await startRunbook({ backups: [], worker: true });
  ({ temporal, shop, loaded, env } = book);
  await shop.sql(`alter system set work_mem = '7MB'`);
  await shop.sql('create unlogged table cache (id int)');
  await shop.sql(`select pg_create_physical_replication_slot('archivist')`);
  await shop.sql(`select pg_create_physical_replication_slot('changes')`);
  await shop.backup('full');
  await shop.sql('insert into orders select generate_series(1001, 1500)');
  await shop.backup('incremental');
  await shop.sql('insert into orders select generate_series(1501, 1600)');
  await shop.archive();
});

afterAll(() => book.close());

afterEach(async () => {
  expect(await leftovers(shop)).toEqual([]);
});

describe('a recovery', { timeout: 120_000 }, () => {
  test('fills an empty directory that then starts with its own settings and has every row', async () => {
    const into = join(shop.scratch, 'recovered');
    const command = await pgdrill(['recover', 'shop', '--into', into, '--yes', '--json'], { env });
    expect(command).toMatchObject({ exitCode: 0 });
    const result = JSON.parse(command.stdout) as RecoverResult;
    expect(result).toMatchObject({ outcome: 'recovered', into, target: 'latest' });
    expect(result.chain.map((id) => id.replace(/^.*-/, ''))).toEqual(['full', 'incremental']);
    expect(result.handOver?.start).toContain(`pg_ctl start -D ${into}`);
    expect(await instanceStatus(into)).toBeUndefined();

    // As the notes say, on another port: the source's own settings are back, archiving alone is off.
    const socketDirectory = join(shop.scratch, 'recovered-socket');
    await makePrivateDirectory(socketDirectory);
    const logFile = join(shop.scratch, 'recovered.log');
    await launchInstance(shop.tools, {
      dataDirectory: into,
      logFile,
      settings: { unix_socket_directories: socketDirectory, listen_addresses: '' },
    });
    try {
      await waitUntilReady(into, { logFile, timeoutMs: 60_000 });
      const rows = await withConnection({ ...shop.admin, host: socketDirectory }, async (client) => {
        const answer = await client.query(
          `select (select count(*)::int from orders) as orders,
                  current_setting('work_mem') as work_mem,
                  current_setting('archive_mode') as archive_mode,
                  current_setting('restore_command') as restore_command,
                  current_setting('recovery_target_lsn') as target,
                  pg_is_in_recovery() as in_recovery`,
        );
        return answer.rows as unknown[];
      });
      expect(rows).toEqual([
        { orders: 1600, work_mem: '7MB', archive_mode: 'off', restore_command: '', target: '', in_recovery: false },
      ]);
    } finally {
      await stopInstance(shop.tools, into, 'immediate');
    }
  });

  test('can start with the settings of a sandbox: the commands of its hand-over sheet work as they stand', async () => {
    const into = join(shop.scratch, "it's for a look");
    const command = await pgdrill(['recover', 'shop', '--into', into, '--yes', '--settings', 'sandbox'], { env });
    expect(command).toMatchObject({ exitCode: 0 });
    const path = /hand-over sheet\s+(\S+)/.exec(command.stdout)![1]!;
    const sheet = await readFile(path, 'utf8');
    expect(command.stdout).toContain(sheet.trimEnd());
    expect(sheet).toContain(`Data directory: \`${into}\``);
    expect(sheet).toMatch(/1 unlogged table is empty: postgres.public.cache/);
    expect(sheet).toMatch(/Replication slots: archivist, changes/);
    const [start, connect] = [...sheet.matchAll(/```sh\n(.+)\n```/g)].map(([, each]) => each!);
    const evidence = JSON.parse(await readFile(join(path, '..', 'evidence.json'), 'utf8')) as Evidence;
    expect(evidence.handOver).toMatchObject({ start, connect, archiving: { safe: true }, timeline: 2 });
    await execa('sh', ['-c', start!], { cwd: '/', stdio: 'ignore' });
    try {
      const ask = `select (select count(*) from orders), current_setting('listen_addresses'), current_setting('archive_mode')`;
      const { stdout } = await execa('sh', ['-c', `${connect} -Atc "${ask}"`], { cwd: '/' });
      expect(stdout).toBe('1600||off');
    } finally {
      await stopInstance(shop.tools, into, 'immediate');
    }
    // Then for real: the source's own settings, where nothing archives, waits for a standby or pulls.
    const own = await readFile(join(into, 'postgresql.auto.conf.source'), 'utf8');
    expect(own).toMatch(/work_mem = '7MB'[^]*archive_mode = 'off'\nsynchronous_standby_names = ''\n$/);
    expect(own).not.toMatch(/max_logical_replication_workers/);
  });

  test('waits at both gates unless told otherwise, and keeps nothing when rejected', async () => {
    const into = join(shop.scratch, 'rejected');
    const handle = await start(temporal, loaded, 'recover', { cluster: 'shop', into });
    const first = await eventually('gate restore', () => waitingGate(handle.workflowId));
    expect(first).toBe('restore');
    expect(existsSync(into)).toBe(false);
    const approved = await pgdrill(['approve', handle.workflowId, '--by', 'ada', '--json'], { env });
    expect(JSON.parse(approved.stdout)).toMatchObject({ gate: 'restore', decision: 'approve', by: 'ada' });
    await eventually('gate promote', async () =>
      (await waitingGate(handle.workflowId)) === 'promote' ? true : undefined,
    );
    expect(existsSync(join(into, 'PG_VERSION'))).toBe(true);
    const rejected = await pgdrill(['reject', handle.workflowId, '--by', 'grace', '--reason', 'wrong day'], { env });
    expect(rejected).toMatchObject({ exitCode: 0, stdout: '' });
    expect(rejected.stderr).toContain('Gate promote: rejected by');

    const result = (await handle.result()) as RecoverResult;
    expect(result).toMatchObject({
      outcome: 'rejected',
      approvals: [
        { gate: 'restore', decision: 'approved', by: 'ada' },
        { gate: 'promote', decision: 'rejected', by: 'grace', reason: 'wrong day' },
      ],
    });
    expect(existsSync(into)).toBe(false);
    expect((await readdir(shop.scratch)).filter((name) => name.startsWith('rejected'))).toEqual([]);
    expect(processesUnder(into)).toEqual([]);
  });

  test('can be looked at while it takes writes, and is kept, stopped, when its cutover is rejected', async () => {
    const into = join(shop.scratch, 'not-cut-over');
    const handle = await start(temporal, loaded, 'recover', { cluster: 'shop', into, gates: ['cutover'] });
    await eventually('gate cutover', async () =>
      (await waitingGate(handle.workflowId)) === 'cutover' ? true : undefined,
    );
    const look = await pgdrill(
      ['psql', handle.workflowId, '--', '-At', '-c', 'select pg_is_in_recovery(), count(*) from orders'],
      { env },
    );
    expect(look.stdout.trim()).toBe('f|1600');
    const write = await pgdrill(['psql', handle.workflowId, '--', '-c', 'truncate orders'], { env });
    expect(write.stderr).toContain('read-only transaction');
    await pgdrill(['reject', handle.workflowId, '--by', 'grace', '--reason', 'one order is missing'], { env });

    const result = (await handle.result()) as RecoverResult;
    expect(result).toMatchObject({ outcome: 'rejected', approvals: [{ gate: 'cutover', decision: 'rejected' }] });
    expect(result.notes.join()).toContain(`${into} has the recovered server, stopped cleanly`);
    expect(await instanceStatus(into)).toBeUndefined();
    expect(existsSync(join(into, 'PG_VERSION'))).toBe(true);
  });

  test('refuses a directory that is not empty, and leaves it as it is', async () => {
    const into = join(shop.scratch, 'in-use');
    await mkdir(into);
    await writeFile(join(into, 'precious.txt'), 'mine');
    const command = await pgdrill(['recover', 'shop', '--into', into, '--yes', '--json'], { env });
    expect(command.exitCode).toBe(1);
    const { error } = JSON.parse(command.stdout) as { error: { message: string } };
    expect(error.message).toMatch(/in-use is not empty \(it holds precious\.txt\)/);
    expect(await readFile(join(into, 'precious.txt'), 'utf8')).toBe('mine');
  });

  test("refuses a running server's data directory, and the server runs on", async () => {
    const other = await startTestCluster(shop.scratch, { name: 'other' });
    try {
      const handle = await start(temporal, loaded, 'recover', {
        cluster: 'shop',
        into: other.dataDirectory,
        gates: [],
      });
      await expect(handle.result()).rejects.toMatchObject({
        cause: { message: expect.stringMatching(/A PostgreSQL server runs in/) as string },
      });
      expect((await instanceStatus(other.dataDirectory))?.ready).toBe(true);
      const client = await other.connect();
      await client.query('create table still_here ()');
      await client.end();
    } finally {
      await other.remove();
    }
  });

  test('that cannot reach its target says so and keeps nothing', async () => {
    const into = join(shop.scratch, 'too-far');
    const command = await pgdrill(['recover', 'shop', '--into', into, '--yes', '--target', 'lsn=FF/0', '--json'], {
      env,
    });
    expect(command.exitCode).toBe(64);
    expect((JSON.parse(command.stdout) as { error: { type: string } }).error.type).toBe('TargetError');
    expect(await exists(into)).toBe(false);
  });
});

async function waitingGate(id: string): Promise<string | undefined> {
  const { stdout } = await pgdrill(['status', id, '--json'], { env });
  return (JSON.parse(stdout) as { progress?: { waiting?: { gate: string } } }).progress?.waiting?.gate;
}
