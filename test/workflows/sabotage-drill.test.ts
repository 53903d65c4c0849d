import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { WorkflowFailedError } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { withCatalog } from '../../src/catalog/catalog.js';
import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { exists } from '../../src/files/durable.js';
import { evidenceSchema } from '../../src/schema/evidence.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import { sabotageEvidenceSchema, type SabotageResult, sabotageResultSchema } from '../../src/schema/sabotage.js';
import { sabotageKindNames } from '../../src/schema/sabotage-kinds.js';
import { listing } from '../restore/restore-support.js';
import { startTestCluster, type TestCluster } from '../support/cluster.js';
import { leftovers } from '../support/leftovers.js';
import { configure, forgetAnswers } from '../support/pgdrill-config.js';
import { eventually, pgdrill } from '../support/programs.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { listRecoveries } from '../support/read-catalog.js';
import { start, startTestTemporal, type TestTemporal, withWorker } from '../support/temporal.js';

const patience = { timeout: 300_000 };

let temporal: TestTemporal;
let shop: ProtectedCluster;
let catalog: TestCluster;
let catalogUrl: string;
let loaded: LoadedConfiguration;
let env: Record<string, string>;
let backups: Record<string, string>;

beforeAll(async () => {
  temporal = await startTestTemporal();
  shop = await protectCluster();
  catalog = await startTestCluster(shop.scratch, { name: 'catalog' });
  catalogUrl = `postgresql:///postgres?host=${encodeURIComponent(catalog.directory)}&port=5432&user=postgres`;
  loaded = await configure(shop);
  env = { ...temporal.env, PGDRILL_CONFIG: loaded.path };
  await shop.sql(`
    create table orders (id int primary key, amount int not null);
    insert into orders select i, i % 97 from generate_series(1, 1000) i;
  `);
  await shop.sql(`vacuum (freeze) orders`);
  await shop.backup('full');
  await shop.archive();
  backups = await listing(join(shop.repository.path, 'backups'));
});

afterAll(async () => {
  await catalog.remove();
  await shop.remove();
  await temporal.stop();
});

afterEach(async () => {
  expect(await leftovers(shop)).toEqual([]);
  expect(await listing(join(shop.repository.path, 'backups'))).toEqual(backups);
});

interface Event {
  severity: string;
  kind: string;
  message: string;
}

async function events(): Promise<Event[]> {
  return await withCatalog(catalogUrl, async (client) => {
    const { rows } = await client.query<Event>(
      `select severity, kind, message from pgdrill.monitoring_events order by id`,
    );
    return rows;
  });
}

test('damage that is seen is a success, and nothing of it counts as a drill', patience, async () => {
  const command = await withWorker(temporal, loaded, { catalogUrl }, () =>
    pgdrill(['sabotage-drill', 'shop', '--kind', 'heap-bit-sealed', '--seed', '7', '--json', '--id', 'seen'], { env }),
  );
  expect(command.exitCode, command.stderr).toBe(0);
  const result = JSON.parse(command.stdout) as SabotageResult;
  expect(sabotageResultSchema.parse(result)).toEqual(result);
  expect(result).toMatchObject({
    cluster: 'shop',
    verdict: 'passed',
    seed: 7,
    control: { kind: 'none', drillVerdict: 'passed' },
    trials: [{ kind: 'heap-bit-sealed', drillVerdict: 'failed', verdict: 'passed', seenBy: [{ by: 'check content' }] }],
    leftOut: [],
    warnings: [],
  });
  expect(result.trials[0]!.broke).toMatch(/^bit 0 of byte \d+ .* table public\.orders of database postgres, row \(/);
  expect(result.trials[0]!.seenBy[0]!.sentence).toContain('postgres.public.orders');
  // Progress on standard error names the place and who saw it.
  expect(command.stderr).toMatch(/sabotage .*heap-bit-sealed: bit 0/);
  expect(command.stderr).toMatch(/judgement .*seen by check content/);

  const evidence: unknown = JSON.parse(await readFile(result.evidencePath!, 'utf8'));
  expect(sabotageEvidenceSchema.parse(evidence)).toMatchObject({
    kind: 'sabotage',
    rerun: 'pgdrill sabotage-drill shop --kind heap-bit-sealed --seed 7',
    chain: [{ type: 'full' }],
  });
  // Neither the file nor its shape is that of a drill; the history of recoveries has no row; the event has a name of its own.
  expect(await exists(join(dirname(result.evidencePath!), 'evidence.json'))).toBe(false);
  expect(evidenceSchema.safeParse(evidence).success).toBe(false);
  expect(await withCatalog(catalogUrl, (client) => listRecoveries(client))).toEqual([]);
  expect(await events()).toMatchObject([{ severity: 'info', kind: 'sabotage_seen' }]);
  const shown = await pgdrill(['status', '--json'], { env });
  expect(JSON.parse(shown.stdout)).toMatchObject([{ id: 'seen', kind: 'sabotageDrill', status: 'completed' }]);
});

test('sabotage that nobody sees fails the workflow, ends with exit code 1, and alarms', patience, async () => {
  const command = await withWorker(
    temporal,
    loaded,
    { catalogUrl, wrap: () => ({ sabotage: () => Promise.resolve({ broke: 'nothing at all was broken' }) }) },
    () => pgdrill(['sabotage-drill', 'shop', '--kind', 'row-changed', '--id', 'unseen'], { env }),
  );
  expect(command.exitCode, command.stderr).toBe(1);
  expect(command.stdout).toMatch(/row-changed +nothing at all was broken +The drill passed although .* failed/);
  expect(command.stdout).toMatch(/Verdict +failed/);
  expect(command.stdout).toContain('Sabotage "row-changed" went unseen.');
  const failure: unknown = await temporal.client.workflow
    .getHandle('unseen')
    .result()
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(WorkflowFailedError);
  expect((failure as WorkflowFailedError).cause).toMatchObject({ type: 'SabotageUnseen', nonRetryable: true });
  expect((await events()).at(-1)).toMatchObject({
    severity: 'critical',
    kind: 'sabotage_unseen',
    message: expect.stringContaining('went unseen') as string,
  });
});

test('where the unbroken copy does not pass, nothing is broken and nothing is proven', patience, async () => {
  await shop.sql(`create table private (id int); alter table private enable row level security`);
  try {
    const command = await withWorker(temporal, loaded, { catalogUrl }, () =>
      pgdrill(['sabotage-drill', 'shop', '--json'], { env }),
    );
    expect(command.exitCode, command.stderr).toBe(2);
    expect(JSON.parse(command.stdout)).toMatchObject({
      verdict: 'unproven',
      control: { kind: 'none', verdict: 'unproven' },
      trials: [],
      reasons: [expect.stringContaining('The unbroken copy does not pass')],
    });
    expect((await events()).at(-1)).toMatchObject({ severity: 'warning', kind: 'sabotage_unproven' });
  } finally {
    await shop.sql(`drop table private`);
  }
});

test('a kind that is not possible here is left out and said, not passed', patience, async () => {
  const command = await withWorker(temporal, loaded, { catalogUrl }, () =>
    pgdrill(['sabotage-drill', 'shop', '--kind', 'wrong-timeline-history', '--json'], { env }),
  );
  expect(command.exitCode, command.stderr).toBe(2);
  expect(JSON.parse(command.stdout)).toMatchObject({
    verdict: 'unproven',
    trials: [],
    leftOut: [{ kind: 'wrong-timeline-history', reason: expect.stringContaining('never promoted') as string }],
  });
});

test('without a kind it is the next one’s turn, by a seed that is recorded', patience, async () => {
  const result = await withWorker(temporal, loaded, { catalogUrl }, async () => {
    const handle = await start(temporal, loaded, 'sabotageDrill', { cluster: 'shop' });
    return (await handle.result()) as SabotageResult;
  });
  // Of the runs above, three had no seed of their own: 0, 1, 2.
  expect(result).toMatchObject({ verdict: 'passed', seed: 3, trials: [{ kind: sabotageKindNames[3] }] });
});

test('a source that is down is no proof of anything, and keeps its own exit code', patience, async () => {
  await shop.source.stop();
  await forgetAnswers(loaded);
  try {
    const command = await withWorker(temporal, loaded, { catalogUrl }, () =>
      pgdrill(['sabotage-drill', 'shop', '--json'], { env }),
    );
    expect(command.exitCode, command.stderr).toBe(69);
    expect(JSON.parse(command.stdout)).toMatchObject({ verdict: 'unproven', error: { type: 'UnreachableError' } });
  } finally {
    await shop.source.start();
  }
});

test('cancelled in the middle it takes copy and server away', patience, async () => {
  await withWorker(temporal, loaded, { catalogUrl }, async () => {
    const handle = await start(temporal, loaded, 'sabotageDrill', { cluster: 'shop', kind: 'row-removed' });
    await eventually('the restore of the broken copy', async () => {
      const { steps } = await handle.query<WorkflowProgress>('progress');
      return steps.at(-1)?.step === 'restore preparation' ? true : undefined;
    });
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({
      cause: { message: expect.stringContaining('ancel') as string },
    });
    const { steps } = await handle.query<WorkflowProgress>('progress');
    expect(steps.map(({ step, state }) => [step, state]).slice(-2)).toEqual([
      ['clean-up', 'done'],
      ['recording', 'done'],
    ]);
  });
});

test('the kinds are listed without a server, and an unknown one is refused with those there are', async () => {
  const listed = await pgdrill(['sabotage-drill', '--list', '--json'], {});
  expect(listed.exitCode).toBe(0);
  expect((JSON.parse(listed.stdout) as { name: string }[]).map(({ name }) => name)).toEqual(sabotageKindNames);
  expect((await pgdrill(['sabotage-drill', '--list'], {})).stdout).toMatch(/heap-bit-sealed +repository copy +a bit/);
  const unknown = await pgdrill(['sabotage-drill', 'shop', '--kind', 'gremlin'], { env });
  expect(unknown).toMatchObject({ exitCode: 64 });
  expect(unknown.stderr).toMatch(/Allowed choices are heap-bit, .*all/);
  expect(await pgdrill(['sabotage-drill'], { env })).toMatchObject({ exitCode: 64 });
});
