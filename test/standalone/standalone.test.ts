import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { exists, makePrivateDirectory } from '../../src/files/durable.js';
import { stopInstance } from '../../src/postgres/instance.js';
import { startTimeOf } from '../../src/process/process-identity.js';
import { processesUnder } from '../support/leftovers.js';
import { eventually, launch, pgdrill, pgdrillOnTerminal, type Program } from '../support/programs.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';

let shop: ProtectedCluster;
let repository: string;
let into: string;
let state: string;
/** A bare host: nothing is configured, and what is configured for others must not matter. */
const env = { PGDRILL_CONFIG: '', TEMPORAL_ADDRESS: 'nowhere.invalid:7233', TEMPORAL_NAMESPACE: 'others' };

beforeAll(async () => {
  shop = await protectCluster();
  repository = shop.patient.repository;
  into = join(shop.scratch, 'recovered');
  state = `${into}-pgdrill`;
  await shop.sql('create table orders (id int); insert into orders select generate_series(1, 1000)');
  await shop.backup('full');
  await shop.sql('insert into orders select generate_series(1001, 1500)');
  await shop.archive();
  // The source is gone, and with it whatever was beside it.
  await shop.source.remove();
});

afterAll(async () => {
  // Only where a test failed in the middle is there anything left.
  for (const pid of await everyProcess().catch(() => [])) kill(pid);
  await rm(state, { recursive: true, force: true });
  await shop.remove();
});

const recover = (...more: string[]): string[] => [
  ...[
    'recover',
    '--standalone',
    '--repository',
    repository,
    '--into',
    into,
    '--gate',
    'promote',
    '--settings',
    'sandbox',
  ],
  ...more,
];

const atTheGate = /waiting at gate promote/;

test('a bare host with a repository recovers, whatever ends it in the middle', { timeout: 240_000 }, async () => {
  // Everything dies at once, as the restored server waits to be opened.
  const first = await launch(join('src', 'cli', 'main.js'), recover(), env, atTheGate, 90_000);
  await killAll(first);

  // Other options would be another recovery.
  const other = await pgdrill(recover('--target', 'immediate'), { env });
  expect(other.exitCode).toBe(64);
  expect(other.stderr).toMatch(/Another recovery has been begun in .*recovered-pgdrill: cluster shop, target latest/);

  // Ctrl-C: nothing runs on.
  const second = await launch(join('src', 'cli', 'main.js'), recover(), env, atTheGate, 90_000);
  expect(second.output()).toMatch(/going on with the recovery that was begun here/);
  const running = await everyProcess();
  expect(await second.kill('SIGINT')).toBe(2);
  expect(second.output()).toMatch(/not finished.*The same command goes on with it/);
  expect(running.filter((pid) => startTimeOf(pid) !== undefined)).toEqual([]);

  const third = await launch(join('src', 'cli', 'main.js'), recover(), env, atTheGate, 90_000);
  const [, configuration, id] = /pgdrill --config (\S+) approve (\S+)/.exec(third.output())!;
  expect(
    await pgdrill(['--config', configuration!, 'approve', id!, '--by', 'ada'], { env: { TEMPORAL_ADDRESS: '' } }),
  ).toMatchObject({ exitCode: 0 });
  await eventually('the end', () => (startTimeOf(third.pid) === undefined ? true : undefined));
  expect(await third.kill('SIGTERM')).toBe(0);
  expect(await exists(state)).toBe(false);

  const [, start] = /Start it:\n\n```sh\n(.+)\n```/.exec(third.stdout())!;
  const [, connect] = /Connect, on this host:\n\n```sh\n(.+)\n```/.exec(third.stdout())!;
  await execa('sh', ['-c', start!], { stdio: 'ignore' });
  try {
    const { stdout } = await execa('sh', ['-c', `${connect!} -Atc 'select count(*) from orders'`]);
    expect(stdout).toBe('1500');
  } finally {
    await stopInstance(shop.tools, into, 'immediate');
  }
  await rm(into, { recursive: true });
  expect((await readdir(join(repository, 'evidence'))).filter((name) => name.startsWith('recover-shop-'))).toHaveLength(
    1,
  );
});

test(
  'Ctrl-C at a terminal leaves it to be given up, which removes what it restored',
  { timeout: 120_000 },
  async () => {
    const terminal = pgdrillOnTerminal(recover(), env);
    try {
      await eventually('the gate', () => /gate promote has waited for/.exec(terminal.output()) ?? undefined, 90);
      terminal.type('\u0003');
      expect(await terminal.exitCode).toBe(2);
      expect(terminal.output()).toMatch(/with --give-up it ends it and removes what it restored/);
    } finally {
      terminal.kill();
    }
    expect(await exists(state)).toBe(true);
    const given = await pgdrill(recover('--give-up', '--json'), { env });
    expect(JSON.parse(given.stdout)).toMatchObject({ id: 'recover-shop', error: { type: 'Cancelled' } });
    expect(given.exitCode).toBe(2);
    expect([await exists(state), await exists(into)]).toEqual([false, false]);
  },
);

test('a table comes out of a repository alone, too', { timeout: 120_000 }, async () => {
  const file = join(shop.scratch, 'orders.sql');
  const options = ['--into', file, '--table', 'postgres.public.orders', '--format', 'plain'];
  const taken = await pgdrill(['recover', '--standalone', '--repository', repository, ...options], { env });
  expect(taken).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/Extraction {2}extracted/) as string });
  const dump = await readFile(file, 'utf8');
  expect(dump.split('\n').filter((line) => /^\d+$/.test(line))).toHaveLength(1_500);
  expect(await exists(`${file}-pgdrill`)).toBe(false);
});

test('it refuses what is no repository, another cluster’s, and a place that is taken', async () => {
  const nowhere = await pgdrill(['recover', '--standalone', '--repository', shop.scratch, '--into', `${into}-2`], {
    env,
  });
  expect(nowhere.exitCode).toBe(1);
  expect(nowhere.stderr).toMatch(/There is no pgdrill repository in .*it has no pgdrill\.json/);
  const another = await pgdrill(
    ['recover', 'bank', '--standalone', '--repository', repository, '--into', `${into}-2`],
    { env },
  );
  expect(another.exitCode).toBe(64);
  expect(another.stderr).toMatch(/is the repository of cluster shop, not of bank/);
  await makePrivateDirectory(`${into}-3-pgdrill`);
  await writeFile(join(`${into}-3-pgdrill`, 'mine.txt'), 'precious');
  const taken = await pgdrill(['recover', '--standalone', '--repository', repository, '--into', `${into}-3`], { env });
  expect(taken.exitCode).toBe(64);
  expect(taken.stderr).toMatch(/exists, and no recovery of pgdrill was begun there/);
  const half = await pgdrill(['recover', 'shop', '--repository', repository, '--into', `${into}-2`], { env });
  expect(half).toMatchObject({ exitCode: 64, stderr: expect.stringMatching(/go with --standalone/) as string });
});

/** All that such a recovery started, by their pids. */
async function everyProcess(): Promise<number[]> {
  const { children } = JSON.parse(await readFile(join(state, 'dev.json'), 'utf8')) as { children: { pid: number }[] };
  const pids = [...children, ...processesUnder(state), ...processesUnder(into)].map(({ pid }) => pid);
  return [...new Set(pids)];
}

/** kill -9 for the command and all that it started, at once. */
async function killAll(program: Program): Promise<void> {
  const pids = [program.pid, ...(await everyProcess())];
  expect(pids.length).toBeGreaterThan(4); // Temporal, the worker, the server and its children
  for (const pid of pids) kill(pid);
  await eventually('all to be dead', () => pids.every((pid) => startTimeOf(pid) === undefined) || undefined);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // a child of one that has just gone
  }
}
