import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { SupersededError } from '../../src/errors.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import { instanceStatus, launchInstance, stopInstance, waitUntilReady } from '../../src/postgres/instance.js';
import { type StepContext, standaloneContext } from '../../src/process/step-context.js';
import { validateRestore } from '../../src/proof/validate.js';
import { listBackups } from '../../src/repository/repository.js';
import { takeBackup } from '../../src/repository/take-backup.js';
import { asClaimant, takeClaim } from '../../src/restore/claim.js';
import { openSandbox } from '../../src/restore/open.js';
import { replayWal, startSandbox } from '../../src/restore/replay.js';
import { removeSandbox, sandboxLog } from '../../src/restore/sandbox.js';
import type { Sandbox } from '../../src/schema/results.js';
import { leftovers, processesUnder } from '../support/leftovers.js';
import { eventually } from '../support/programs.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { column, inSandbox, planTo, prepare, restoreTo, sandboxFor, handOverTo } from './restore-support.js';

let shop: ProtectedCluster;
const made: Sandbox[] = [];

beforeAll(async () => {
  shop = await protectCluster({ where: 'on disk' });
  await shop.sql('create table orders (id int primary key); insert into orders select generate_series(1, 5000)');
  await shop.backup('full');
  await shop.archive();
});
afterAll(() => shop.remove());
afterEach(async () => {
  for (const sandbox of made.splice(0)) await removeSandbox(shop.tools, sandbox);
  expect(await leftovers(shop)).toEqual([]);
});

/** An attempt, with what it says of itself. `at` is called with each phrase. */
function attemptAt(
  operation: string,
  attempt: number,
  at: (doing: string, cancel: (reason: Error) => void) => void = () => undefined,
): StepContext & { said: string[] } {
  const cancel = new AbortController();
  const said: string[] = [];
  return {
    operation,
    attempt,
    signal: cancel.signal,
    said,
    progress: ({ doing }) => {
      if (said.at(-1) !== doing) said.push(doing);
      at(doing, (reason) => cancel.abort(reason));
    },
  };
}

describe('an attempt that was only slow, when the next one has begun,', () => {
  it('does not fill, remove or rename anything of the sandbox that the next one makes', async () => {
    const plan = await planTo(shop, 'latest');
    const sandbox = sandboxFor(shop, plan);
    made.push(sandbox);
    let stopped = false;
    const slow = prepare(
      shop,
      plan,
      sandbox,
      attemptAt('slow', 1, (doing) => {
        if (doing.startsWith('combining')) void stopCombine();
      }),
    ).catch((error: unknown) => error);
    const stopCombine = async (): Promise<void> => {
      await expect
        .poll(() => stopTool(shop.patient.sandboxDirectory, 'pg_combinebackup'), { timeout: 20_000, interval: 1 })
        .toBe(true);
      stopped = true;
    };
    await expect.poll(() => stopped, { timeout: 30_000, interval: 5 }).toBe(true);
    const prepared = await prepare(shop, plan, sandbox, attemptAt('slow', 2));
    const written = (await stat(join(sandbox.dataDirectory, 'PG_VERSION'))).ino;
    expect(await slow).toBeInstanceOf(Error);
    expect((await stat(join(sandbox.dataDirectory, 'PG_VERSION'))).ino).toBe(written);
    // Later still, from the beginning: it finds what the next one made.
    expect(await prepare(shop, plan, sandbox, attemptAt('slow', 1))).toEqual(prepared);
    await replayWal(shop.tools, { ...plan, sandbox }, standaloneContext('slow'));
    expect(await column(sandbox, 'select count(*) from orders')).toEqual(['5000']);
  });

  it('notices that it has lost its claim before each change', async () => {
    const plan = await planTo(shop, 'latest');
    const sandbox = sandboxFor(shop, plan);
    made.push(sandbox);
    await makePrivateDirectory(sandbox.directory);
    const [first, second] = [attemptAt('claims', 1), attemptAt('claims', 2)];
    const token = await takeClaim(sandbox, first);
    const changes: string[] = [];
    const change = (by: string) => (): Promise<void> => {
      changes.push(by);
      return Promise.resolve();
    };
    await asClaimant(sandbox, token, first, change('first'));
    const next = await takeClaim(sandbox, second);
    await expect(asClaimant(sandbox, token, first, change('first, late'))).rejects.toThrow(SupersededError);
    await expect(takeClaim(sandbox, first)).rejects.toThrow(/filled by attempt 2/);
    await asClaimant(sandbox, next, second, change('second'));
    await removeSandbox(shop.tools, sandbox);
    await expect(asClaimant(sandbox, next, second, change('after the clean-up'))).rejects.toThrow(/is gone/);
    expect([changes, existsSync(sandbox.directory)]).toEqual([['first', 'second'], false]);
  });

  it('publishes no second backup, and leaves that of the next one alone', async () => {
    const request = { repository: shop.repository, connection: shop.patient.connection, type: 'full' as const };
    const operation = `slow-backup/${randomUUID()}`;
    const slow = takeBackup(shop.tools, request, attemptAt(operation, 1)).catch((error: unknown) => error);
    await expect
      .poll(() => stopTool(join(shop.patient.repository, 'backups'), 'pg_basebackup'), { timeout: 20_000, interval: 1 })
      .toBe(true);
    const taken = await takeBackup(shop.tools, request, attemptAt(operation, 2));
    expect(await slow).toBeInstanceOf(Error);
    const backups = (await listBackups(shop.repository)).filter((each) => each.operation === operation);
    expect(backups).toEqual([taken]);
    expect(await takeBackup(shop.tools, request, attemptAt(operation, 1))).toEqual(taken);
  });

  it('does not start a sandbox that was cleaned up', async () => {
    const { sandbox } = await restoreTo(shop, 'latest');
    await removeSandbox(shop.tools, sandbox);
    await expect(startSandbox(shop.tools, sandbox)).rejects.toThrow(/no prepared sandbox/);
    expect(existsSync(sandbox.directory)).toBe(false);
  });

  it('does not stop a recovered server that somebody has started since', async () => {
    const into = join(shop.scratch, 'taken-over');
    const restored = await restoreTo(shop, 'latest', { into });
    const sheet = await handOverTo(shop, restored);
    const logFile = join(shop.scratch, 'taken-over.log');
    const settings = { unix_socket_directories: shop.scratch, listen_addresses: '' };
    await launchInstance(shop.tools, { dataDirectory: into, logFile, settings });
    try {
      await waitUntilReady(into, { logFile, timeoutMs: 30_000 });
      const server = await instanceStatus(into);
      expect(await handOverTo(shop, restored)).toEqual(sheet);
      expect(await instanceStatus(into)).toEqual(server);
    } finally {
      await stopInstance(shop.tools, into, 'immediate');
      await rm(into, { recursive: true });
    }
  });
});

describe('the next attempt goes on where the last one stopped:', () => {
  it('links that were verified are not verified again, except by another operation', async () => {
    const plan = await planTo(shop, 'latest');
    const sandbox = sandboxFor(shop, plan);
    made.push(sandbox);
    const died = new Error('died');
    const dies = attemptAt('verified', 1, (doing, cancel) => {
      if (doing.startsWith('combining')) cancel(died);
    });
    await expect(prepare(shop, plan, sandbox, dies)).rejects.toBe(died);
    expect(dies.said.some((doing) => doing.startsWith('verifying'))).toBe(true);
    const next = attemptAt('verified', 2);
    await prepare(shop, plan, sandbox, next);
    expect(next.said.filter((doing) => doing.startsWith('verifying'))).toEqual([]);
    expect(next.said).toContain('combining the chain');

    await removeSandbox(shop.tools, sandbox);
    const anew = attemptAt('another', 2);
    await prepare(shop, plan, sandbox, anew);
    expect(anew.said.some((doing) => doing.startsWith('verifying'))).toBe(true);
  });

  it('checks that are done are kept over the restart that belongs to them', async () => {
    const { sandbox } = await restoreTo(shop, 'latest');
    made.push(sandbox);
    const died = new Error('died');
    const dies = attemptAt('validate', 1, (doing, cancel) => {
      if (doing.startsWith('vacuuming')) cancel(died);
    });
    await expect(validate(sandbox, dies)).rejects.toBe(died);
    const next = attemptAt('validate', 2);
    const checks = await validate(sandbox, next);
    expect(new Set(next.said.map((doing) => doing.split(' ')[0]))).toEqual(new Set(['vacuuming']));
    expect(checks.at(-1)).toMatchObject({ name: 'vacuum', status: 'passed' });
    expect(checks.map(({ name }) => name)).toContain('control data');
  });

  it('checks that are done are kept, unless the server crashed meanwhile; a late attempt disturbs nothing', async () => {
    const { sandbox } = await restoreTo(shop, 'latest');
    made.push(sandbox);
    const died = new Error('died');
    const dies = attemptAt('validate', 1, (doing, cancel) => {
      if (doing.startsWith('checking visibility')) cancel(died);
    });
    await expect(validate(sandbox, dies)).rejects.toBe(died);
    expect(dies.said.some(isStructure)).toBe(true);

    const next = attemptAt('validate', 2);
    const checks = await validate(sandbox, next);
    expect(next.said.some(isStructure)).toBe(false);
    expect(checks.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'content unproven',
      'unlogged passed',
      'newest rows unproven',
      'index reads passed',
      'wal passed',
      'structure passed',
      'visibility map passed',
      'control data passed',
      'writes passed',
      'vacuum passed',
    ]);
    await expect(validate(sandbox, attemptAt('validate', 1))).rejects.toThrow(SupersededError);

    // One process killed: the server starts all others anew and recovers, which empties unlogged tables.
    await inSandbox(sandbox, async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      client.on('error', () => undefined);
      process.kill(rows[0]!.pid, 'SIGKILL');
      await client.query('select pg_sleep(60)').catch(() => undefined);
    });
    // It takes connections for a moment yet, and then for a moment none.
    await eventually('the crash to be over', async () =>
      (await readFile(sandboxLog(sandbox), 'utf8')).includes('all server processes terminated') ? true : undefined,
    );
    await openSandbox(shop.tools, sandbox, standaloneContext('again'));
    const afterCrash = attemptAt('validate', 3);
    await validate(sandbox, afterCrash);
    expect(afterCrash.said.some(isStructure)).toBe(true);

    const another = attemptAt('validate again', 2);
    await validate(sandbox, another);
    expect(another.said.some(isStructure)).toBe(true);
  });
});

const isStructure = (doing: string): boolean => doing.startsWith('checking pages');

async function validate(
  sandbox: Sandbox,
  context: StepContext,
): Promise<Awaited<ReturnType<typeof validateRestore>>['checks']> {
  const request = { repository: shop.repository, sandbox, role: 'pgdrill', capture: undefined, connections: 1 };
  return (await validateRestore(shop.tools, request, context)).checks;
}

/** Stops a tool in its tracks, as a hanging disk would. @returns whether it ran. */
function stopTool(directory: string, name: string): boolean {
  const tool = processesUnder(directory).find(({ command }) => command.includes(`/${name} `));
  if (tool === undefined) return false;
  process.kill(tool.pid, 'SIGSTOP');
  return true;
}
