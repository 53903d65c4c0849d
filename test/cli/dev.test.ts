import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { catalogUrlOf } from '../../src/embedded/catalog-server.js';
import { exists, makePrivateDirectory, writeFileDurably } from '../../src/files/durable.js';
import { socketDirectoryOf } from '../../src/files/socket-directory.js';
import { processesUnder } from '../support/leftovers.js';
import { eventually, launchDev, pgdrill, type Program } from '../support/programs.js';
import { freePort, makeScratch, removeScratch } from '../support/scratch.js';

let scratch: string;
let state: string;
let env: Record<string, string>;
let running: Program[] = [];

beforeAll(async () => {
  scratch = await makeScratch();
  state = join(scratch, 'state');
  await makePrivateDirectory(state);
  const configuration = join(scratch, 'pgdrill.yaml');
  await writeFileDurably(
    configuration,
    `state_directory: ${state}
clusters:
  shop:
    connection: host=${scratch}/nowhere user=pgdrill dbname=postgres
    repository: ${scratch}/repository
`,
  );
  env = { PGDRILL_CONFIG: configuration, TEMPORAL_ADDRESS: '' };
});

afterAll(async () => {
  for (const program of running) await program.kill('SIGTERM');
  await removeScratch(scratch);
});

async function dev(...args: string[]): Promise<Program> {
  const ports = ['--port', String(await freePort()), '--ui-port', String(await freePort())];
  const program = await launchDev([...ports, ...args], env);
  running = [program];
  return program;
}

interface Addresses {
  temporalAddress: string;
  uiUrl: string;
  catalogUrl: string;
  workerPid: number;
}

test(
  'dev says where everything is, serves the other commands, and leaves nothing when stopped',
  { timeout: 180_000 },
  async () => {
    const stack = await dev('--json');
    const addresses = JSON.parse(await eventually('the addresses', () => whole(stack.stdout()))) as Addresses;
    expect(addresses.catalogUrl).toBe(catalogUrlOf(state));
    expect((await fetch(addresses.uiUrl)).status).toBe(200);
    expect(process.kill(addresses.workerPid, 0)).toBe(true);
    const { mode } = await stat(join(state, 'dev.json'));
    expect(mode & 0o777).toBe(0o600);

    // Found by the state directory alone, without TEMPORAL_ADDRESS.
    const status = await pgdrill(['status', '--json'], { env });
    expect(status).toMatchObject({ exitCode: 0, stdout: '[]' });

    const second = await pgdrill(['dev', '--json'], { env });
    expect(second.exitCode).toBe(64);
    expect(second.stderr).toContain(`A stack runs already for ${state} (process ${stack.pid}`);
    expect(JSON.parse(second.stdout)).toMatchObject({ error: { type: 'UsageError' } });

    expect(await stack.kill('SIGTERM')).toBe(0);
    expect(await leftOver()).toEqual([]);
  },
);

test('a dev that was killed leaves its parts to the next one, which ends them', { timeout: 180_000 }, async () => {
  const first = await dev();
  await first.kill('SIGKILL');
  const orphans = processesUnder(state).map(({ pid }) => pid);
  expect(orphans.length).toBeGreaterThan(1);
  const dead = JSON.parse(await readFile(join(state, 'dev.json'), 'utf8')) as { children: { pid: number }[] };

  const second = await dev();
  const alive = dead.children.filter(({ pid }) => processesUnder(state).some((each) => each.pid === pid));
  expect(alive).toEqual([]);
  // The state survived: the history of before is there, in the same files.
  expect((await pgdrill(['status', '--json'], { env })).exitCode).toBe(0);
  expect(await second.kill('SIGINT')).toBe(0);
  expect(await leftOver()).toEqual([]);
});

test('a dev that is stopped while it starts ends what it had begun', { timeout: 120_000 }, async () => {
  const ports = ['--port', String(await freePort()), '--ui-port', String(await freePort())];
  const program = await launchDev(ports, env, /starting Temporal/);
  running = [program];
  await eventually('Temporal', () => (processesUnder(state).length > 0 ? true : undefined));
  expect(await program.kill('SIGTERM')).toBe(0);
  expect(await leftOver()).toEqual([]);
});

test('a port that is taken is refused by its number', { timeout: 60_000 }, async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    const refused = await pgdrill(['dev', '--port', String(port)], { env });
    expect(refused).toMatchObject({ exitCode: 64 });
    expect(refused.stderr).toContain(`Port ${port} is taken`);
  } finally {
    server.close();
  }
  expect((await pgdrill(['dev', '--port', 'http'], { env })).exitCode).toBe(64);
  expect(await leftOver()).toEqual([]);
});

/** Processes and files that only a running stack has. */
async function leftOver(): Promise<string[]> {
  const found = processesUnder(state).map(({ command }) => command);
  for (const path of [join(state, 'dev.json'), socketDirectoryOf(join(state, 'catalog', 'data'))])
    if (await exists(path)) found.push(path);
  return found;
}

function whole(text: string): string | undefined {
  return text.trimEnd().endsWith('}') ? text : undefined;
}
