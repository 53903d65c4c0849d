import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import type { WorkflowHandle } from '@temporalio/client';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Activities } from '../../activities/index.js';
import { withConnection } from '../../src/postgres/connection.js';
import { sandboxConninfo } from '../../src/restore/sandbox.js';
import { ensureTemporal } from '../../src/toolchain/temporal.js';
import { configure } from '../support/pgdrill-config.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { start, startTestTemporal, type TestTemporal, withWorker } from '../support/temporal.js';

// Not a test: run by scripts/record-histories.mjs, it writes what replay.test.ts replays.

let temporal: TestTemporal;
let shop: ProtectedCluster;

beforeAll(async () => {
  temporal = await startTestTemporal();
  shop = await protectCluster();
  await shop.sql('create table orders (id int); insert into orders select generate_series(1, 100)');
});

afterAll(async () => {
  await shop.remove();
  await temporal.stop();
});

test('record', async () => {
  await keep('backup', await run('backup', { cluster: 'shop' }));
  await keep(
    'drill-passed',
    await run('drill', { cluster: 'shop', backup: 'full+incremental', gates: ['promote'] }, approve),
  );
  await keep('drill-failed', await run('drill', { cluster: 'shop' }, undefined, changeARow));
  await keep('drill-rejected', await run('drill', { cluster: 'shop', gates: ['restore'] }, reject));
  await keep('recover', await run('recover', { cluster: 'shop', into: join(shop.scratch, 'recovered'), gates: [] }));
});

/** Runs a workflow to its end, whatever that is. */
async function run(
  kind: 'backup' | 'drill' | 'recover',
  input: object,
  answer?: (handle: WorkflowHandle) => Promise<void>,
  wrap?: (real: Activities) => Partial<Activities>,
): Promise<WorkflowHandle> {
  const loaded = await configure(shop);
  return await withWorker(temporal, loaded, wrap === undefined ? {} : { wrap }, async () => {
    const handle = await start(temporal, loaded, kind, input);
    await answer?.(handle);
    await handle.result().catch(() => undefined);
    return handle;
  });
}

async function approve(handle: WorkflowHandle): Promise<void> {
  await handle.signal('approve', { gate: 'promote', by: 'ada', reason: 'looks right' });
}

async function reject(handle: WorkflowHandle): Promise<void> {
  await handle.signal('reject', { gate: 'restore', by: 'ada', reason: 'not tonight' });
}

function changeARow(real: Activities): Partial<Activities> {
  return {
    openSandbox: async (input) => {
      const opened = await real.openSandbox(input);
      await withConnection(sandboxConninfo(input.sandbox), (client) =>
        client.query('update orders set id = -1 where id = 7'),
      );
      return opened;
    },
  };
}

/** Writes a history as the Temporal CLI prints it, without anything of this machine. */
async function keep(name: string, handle: WorkflowHandle): Promise<void> {
  const executable = await ensureTemporal({ progress: () => undefined });
  const { stdout } = await execa(executable, [
    ...['workflow', 'show', '--workflow-id', handle.workflowId, '--output', 'json'],
    ...['--address', temporal.address, '--namespace', 'default'],
  ]);
  const history = neutral(JSON.parse(stdout));
  const text = `${JSON.stringify(history, null, 1)}\n`;
  for (const secret of [shop.scratch, hostname(), process.cwd()]) expect(text).not.toContain(secret);
  const folder = join(import.meta.dirname, '..', 'histories');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), text);
}

/** Paths, host and process become neutral, in payloads (base64 of JSON) as well. */
function neutral(value: unknown, key = ''): unknown {
  if (typeof value === 'string') {
    if (key === 'identity') return 'worker';
    if (key === 'data') return toBase64(neutralText(fromBase64(value)));
    return neutralText(value);
  }
  if (Array.isArray(value)) return value.map((each) => neutral(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, neutral(each, name)]));
}

function neutralText(text: string): string {
  return text
    .replaceAll(shop.scratch, '/tmp/pgdrill-history')
    .replaceAll(hostname(), 'host')
    .replaceAll(process.cwd(), '/pgdrill');
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

function toBase64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
