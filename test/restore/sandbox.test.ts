import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { SandboxError } from '../../src/errors.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import { instanceStatus, launchInstance, stopInstance, waitUntilReady } from '../../src/postgres/instance.js';
import { withConnection } from '../../src/postgres/connection.js';
import { startTimeOf } from '../../src/process/process-identity.js';
import { treeOf } from '../../src/process/process-tree.js';
import { standaloneContext } from '../../src/process/step-context.js';
import { openSandbox } from '../../src/restore/open.js';
import { replayWal } from '../../src/restore/replay.js';
import { removeSandbox, sandboxLayout } from '../../src/restore/sandbox.js';
import type { Sandbox } from '../../src/schema/results.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import {
  column,
  inSandbox,
  listing,
  moveOn,
  planTo,
  prepare,
  restoreTo,
  sandboxFor,
  handOverTo,
} from './restore-support.js';

let shop: ProtectedCluster;
let outside: string;
const made: Sandbox[] = [];

beforeAll(async () => {
  shop = await protectCluster({ where: 'on disk' });
  outside = join(shop.scratch, 'outside');
  await makePrivateDirectory(outside);
  await shop.sql(`create tablespace outside location '${outside}'`);
  await shop.sql(`create table inside as select i from generate_series(1, 100) i;
                  create table beside tablespace outside as select i from generate_series(1, 200) i`);
  await shop.backup('full');
  await shop.sql(`insert into beside select i from generate_series(201, 300) i`);
  // What a sandbox must not take over: each of these would keep it from starting, or let it out.
  await appendFile(
    join(shop.source.dataDirectory, 'postgresql.auto.conf'),
    [
      `shared_preload_libraries = 'no_such_library'`,
      `archive_command = 'touch ${shop.scratch}/escaped'`,
      `primary_conninfo = 'host=/nowhere'`,
      `recovery_target_name = 'left over'`,
      `listen_addresses = '*'`,
      `work_mem = '7MB'`,
      '',
    ].join('\n'),
  );
  await shop.backup('incremental');
  await shop.sql(`insert into inside select i from generate_series(101, 150) i`);
  await shop.archive();
});
afterAll(() => shop.remove());
afterEach(async () => {
  for (const sandbox of made.splice(0)) await removeSandbox(shop.tools, sandbox);
});

async function restore(target = 'latest', into?: string): Promise<Awaited<ReturnType<typeof restoreTo>>> {
  const one = await restoreTo(shop, target, into === undefined ? {} : { into });
  made.push(one.sandbox);
  return one;
}

describe('a sandbox', () => {
  it('has settings of its own: no network, no archive, nobody to follow, nothing of the source', async () => {
    const { sandbox } = await restore();
    const settings = await inSandbox(sandbox, async (client) => {
      const { rows } = await client.query<{ name: string; setting: string }>(`select name, setting from pg_settings`);
      return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
    });
    expect(settings).toMatchObject({
      listen_addresses: '',
      archive_mode: 'off',
      archive_command: '(disabled)',
      archive_library: '',
      primary_conninfo: '',
      shared_preload_libraries: '',
      max_logical_replication_workers: '0',
      unix_socket_directories: sandbox.socketDirectory,
      work_mem: '4096',
      recovery_init_sync_method: process.platform === 'linux' ? 'syncfs' : 'fsync',
    });
    expect(settings['config_file']).toBe(join(sandbox.directory, 'config/postgresql.conf'));
    expect(settings['hba_file']).toBe(join(sandbox.directory, 'config/pg_hba.conf'));
    expect((await stat(sandbox.socketDirectory)).mode & 0o777).toBe(0o700);
    expect(existsSync(join(shop.scratch, 'escaped'))).toBe(false);
  });

  it('has the tablespaces of the source inside itself, and the source keeps its own', async () => {
    const before = await listing(outside);
    const { sandbox } = await restore();
    const [location] = await column(
      sandbox,
      `select pg_tablespace_location(oid) from pg_tablespace where spcname = 'outside'`,
    );
    expect(location!.startsWith(`${sandbox.directory}/`)).toBe(true);
    expect(await column(sandbox, `select count(*) from beside`)).toEqual(['300']);
    await inSandbox(sandbox, (client) => client.query(`insert into beside values (1); checkpoint`));
    expect(await listing(outside)).toEqual(before);
  });

  it('is gone after its removal, as often as it is removed', async () => {
    const { sandbox } = await restore();
    const { pid } = (await instanceStatus(sandbox.dataDirectory))!;
    await removeSandbox(shop.tools, sandbox);
    await removeSandbox(shop.tools, sandbox);
    expect([existsSync(sandbox.directory), existsSync(sandbox.socketDirectory), startTimeOf(pid)]).toEqual([
      false,
      false,
      undefined,
    ]);
  });

  it('is gone after its removal also where its server stands still', async () => {
    const { sandbox } = await restore();
    const { pid } = (await instanceStatus(sandbox.dataDirectory))!;
    for (const each of treeOf(pid)) process.kill(each, 'SIGSTOP');
    await removeSandbox(shop.tools, sandbox);
    expect([existsSync(sandbox.directory), startTimeOf(pid)]).toEqual([false, undefined]);
  });

  it('does not take over a socket directory that somebody else could have made', async () => {
    const plan = await planTo(shop, 'latest');
    const sandbox = sandboxFor(shop, plan);
    made.push(sandbox);
    await mkdir(sandbox.socketDirectory);
    await chmod(sandbox.socketDirectory, 0o777);
    await expect(prepare(shop, plan, sandbox)).rejects.toThrow(/is not a directory of ours that nobody else can enter/);
  });
});

describe('each step answers the same when it is tried again:', () => {
  it('prepare, replay and open', async () => {
    const plan = await planTo(shop, 'latest');
    const sandbox = sandboxFor(shop, plan);
    made.push(sandbox);
    const prepared = await prepare(shop, plan, sandbox);
    const written = (await stat(join(sandbox.dataDirectory, 'PG_VERSION'))).ino;
    expect(await prepare(shop, plan, sandbox)).toEqual(prepared);
    expect((await stat(join(sandbox.dataDirectory, 'PG_VERSION'))).ino).toBe(written);

    const context = standaloneContext('again');
    const { paused, reachedLsn, lastCommitAt } = await replayWal(shop.tools, { ...plan, sandbox }, context);
    const server = await instanceStatus(sandbox.dataDirectory);
    expect(await replayWal(shop.tools, { ...plan, sandbox }, context)).toMatchObject({
      ...{ paused, reachedLsn, lastCommitAt },
    });
    expect(await instanceStatus(sandbox.dataDirectory)).toEqual(server);

    const opened = await openSandbox(shop.tools, sandbox, context);
    expect(opened.timeline).toBe(2);
    expect(await openSandbox(shop.tools, sandbox, context)).toEqual(opened);
  });

  it('prepare begins anew where an attempt died in the middle', async () => {
    const plan = await planTo(shop, 'latest');
    const sandbox = sandboxFor(shop, plan);
    made.push(sandbox);
    const cancel = new AbortController();
    const context = { ...standaloneContext('dies'), signal: cancel.signal };
    const reason = new Error('cancelled');
    const dying = prepare(shop, plan, sandbox, {
      ...context,
      progress: ({ doing }) => doing.startsWith('combining') && setTimeout(() => cancel.abort(reason), 30),
    });
    await expect(dying).rejects.toBe(reason);
    await prepare(shop, plan, sandbox, { ...context, attempt: 2, signal: new AbortController().signal });
    expect((await readdir(sandbox.directory)).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('replay goes on after the server was killed, also while its children still end', async () => {
    const plan = await planTo(shop, 'latest');
    const sandbox = sandboxFor(shop, plan);
    made.push(sandbox);
    await prepare(shop, plan, sandbox);
    const context = standaloneContext('killed');
    const first = await replayWal(shop.tools, { ...plan, sandbox }, context);
    process.kill((await instanceStatus(sandbox.dataDirectory))!.pid, 'SIGKILL');
    const second = await replayWal(shop.tools, { ...plan, sandbox }, context);
    expect(second.reachedLsn).toBe(first.reachedLsn);
    process.kill((await instanceStatus(sandbox.dataDirectory))!.pid, 'SIGKILL');
    await openSandbox(shop.tools, sandbox, context);
    expect(await column(sandbox, `select count(*) from inside`)).toEqual(['150']);
  });
});

describe('a recovery', () => {
  it('refuses a directory that is not empty, and touches nothing in it', async () => {
    const into = join(shop.scratch, 'occupied');
    await makePrivateDirectory(into);
    await writeFile(join(into, 'precious'), 'data');
    const plan = await planTo(shop, 'latest');
    const sandbox = sandboxFor(shop, plan, into);
    await expect(prepare(shop, plan, sandbox)).rejects.toThrow(SandboxError);
    await expect(prepare(shop, plan, sandbox)).rejects.toThrow(/is not empty \(it holds precious\)/);
    await removeSandbox(shop.tools, sandbox);
    expect(await readFile(join(into, 'precious'), 'utf8')).toBe('data');
    expect(existsSync(sandbox.directory)).toBe(false);
  });

  it('that is given up leaves nothing', async () => {
    const into = join(shop.scratch, 'given-up');
    const { sandbox } = await restore('latest', into);
    await removeSandbox(shop.tools, sandbox);
    expect((await readdir(shop.scratch)).filter((name) => name.startsWith('given-up'))).toEqual([]);
  });

  it('that is given up leaves an empty directory, as it was, where it found one', async () => {
    const into = join(shop.scratch, 'given-up-again');
    await makePrivateDirectory(into);
    await chmod(into, 0o750);
    const { uid } = await stat(into);
    const { sandbox } = await restore('latest', into);
    expect(await readdir(into)).toContain('PG_VERSION');
    await removeSandbox(shop.tools, sandbox);
    expect(await readdir(into)).toEqual([]);
    expect(await stat(into)).toMatchObject({ uid, mode: 0o40750 });
    await rm(into, { recursive: true });
  });

  it('is handed over stopped cleanly, starts with its own settings, and archives nothing', async () => {
    const into = join(shop.scratch, 'recovered');
    const restored = await restore('latest', into);
    const { sandbox } = restored;
    const sheet = await handOverTo(shop, restored);
    expect(await handOverTo(shop, restored)).toEqual(sheet);
    expect([existsSync(sandbox.directory), existsSync(sandbox.socketDirectory)]).toEqual([false, false]);
    // Clean-up runs whatever happened: what was handed over is not its own any more.
    await removeSandbox(shop.tools, sandboxLayout(sandbox.id, shop.patient.sandboxDirectory, into));
    const auto = await readFile(join(into, 'postgresql.auto.conf'), 'utf8');
    expect(auto).not.toMatch(/primary_conninfo|recovery_target/);
    expect(auto).toContain(`work_mem = '7MB'`);

    const logFile = join(shop.scratch, 'recovered.log');
    // The garbage of the source's file is still the source's: all but the settings that would follow or archive.
    const settings = { unix_socket_directories: shop.scratch, listen_addresses: '', shared_preload_libraries: '' };
    await launchInstance(shop.tools, { dataDirectory: into, logFile, settings });
    try {
      await waitUntilReady(into, { logFile, timeoutMs: 30_000 });
      const { rows } = await withConnection({ host: shop.scratch, user: 'postgres', dbname: 'postgres' }, (client) =>
        client.query<Record<string, string>>(
          `select current_setting('archive_mode') as archiving, current_setting('work_mem') as work_mem,
                  pg_is_in_recovery()::text as recovering,
                  (select count(*) from beside)::text as beside, (select count(*) from inside)::text as inside`,
        ),
      );
      expect(rows).toEqual([{ archiving: 'off', work_mem: '7MB', recovering: 'false', beside: '300', inside: '150' }]);
    } finally {
      await stopInstance(shop.tools, into, 'fast');
    }
    await rm(into, { recursive: true });
    await rm(`${into}-tablespaces`, { recursive: true });
  });
});

describe('a recovery of a cluster whose configuration lies elsewhere', () => {
  it('says that it has to be copied', async () => {
    const into = join(shop.scratch, 'configured-elsewhere');
    const restored = await restore('immediate', into);
    await rm(join(into, 'postgresql.conf'));
    const { settings } = await handOverTo(shop, restored);
    expect(settings.problems).toEqual([
      expect.stringMatching(/kept postgresql.conf outside its data directory.* before you copy it into/),
    ]);
    await rm(into, { recursive: true });
    await rm(`${into}-tablespaces`, { recursive: true });
  });
});

describe('WAL that asks for more than the backup knew of', () => {
  it('is replayed where the source raised max_connections meanwhile', async () => {
    await shop.source.restart({ max_connections: '150', shared_preload_libraries: '', archive_command: '' });
    await shop.sql(`create table after_the_raise ()`);
    await shop.archive();
    const { sandbox, replay, plan } = await restore();
    expect(replay.reachedLsn).not.toBe(plan.chain.at(-1)!.endLsn);
    expect(await column(sandbox, `select count(*) from after_the_raise`)).toEqual(['0']);
    expect(await column(sandbox, `show max_connections`)).toEqual(['150']);
  });

  it('is refused where it creates a tablespace outside', async () => {
    const later = join(shop.scratch, 'later');
    await makePrivateDirectory(later);
    await shop.sql(`create tablespace later location '${later}'`);
    await shop.archive();
    const plan = await planTo(shop, 'latest');
    const sandbox = sandboxFor(shop, plan);
    made.push(sandbox);
    await expect(prepare(shop, plan, sandbox)).rejects.toThrow(`a tablespace was created in ${later}`);
    // Nor is a server that is paused before it led there.
    const paused = { ...plan, target: { ...plan.target, lsn: plan.chain.at(-1)!.endLsn } };
    const reachedLsn = plan.chain.at(-1)!.endLsn;
    await expect(moveOn(shop, { sandbox, reachedLsn, from: paused, to: plan })).rejects.toThrow(
      `a tablespace was created in ${later}`,
    );
    expect(await readdir(later)).toHaveLength(1); // the source's own PG_17_… directory
  });
});
