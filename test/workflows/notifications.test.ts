import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import type { DrillResult } from '../../src/schema/evidence.js';
import type { Notification } from '../../src/schema/notification.js';
import { activitiesOf } from '../faults/history.js';
import { historyText } from '../support/history-text.js';
import { leftovers } from '../support/leftovers.js';
import { eventually, pgdrill } from '../support/programs.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { type Runbook, startRunbook } from '../support/runbook.js';

const secret = 'T0K3N-swordfish';
let receiver: Receiver;
let book: Runbook;
beforeAll(async () => {
  receiver = await startReceiver();
  process.env['PGDRILL_TEST_URL'] = `${receiver.url}/hooks/${secret}`;
  book = await startRunbook({
    top: `notifications:
  everything: { webhook: { url_env: PGDRILL_TEST_URL } }
  others: { clusters: [bank], webhook: { url_env: PGDRILL_TEST_URL } }
  broken: { on: [objective_missed], webhook: { url_env: PGDRILL_TEST_UNSET } }`,
    cluster: `objectives: { rto: 1ms, rpo: 1ms, proven_within: 1ms }
policies: { nightly: { type: full, cron: '0 2 * * *', keep: 7d } }`,
    worker: true,
  });
});
afterAll(async () => {
  delete process.env['PGDRILL_TEST_URL'];
  await book.close();
  await receiver.close();
});
afterEach(async () => {
  expect(await leftovers(book.shop)).toEqual([]);
  receiver.taken.length = 0;
  receiver.refused.length = 0;
});

const events = (): string[] => receiver.taken.map(({ body }) => (body as Notification).event);

test('a drill tells what waits, what was missed and how it ended, once each, and keeps the secret', async () => {
  receiver.answerWith(500, 503); // to the first two attempts at the gate's message
  const handle = await book.start('drill', { cluster: 'shop', target: 'latest', gates: ['promote'] });
  await eventually('the message of the gate', () =>
    Promise.resolve(events().includes('gate_waiting') ? true : undefined),
  );
  expect(receiver.refused).toHaveLength(2);
  expect(receiver.taken[0]!.body).toMatchObject({
    cluster: 'shop',
    title: 'shop: gate promote waits for a person',
    command: `pgdrill approve ${handle.workflowId}`,
    workflowId: handle.workflowId,
  });
  // All attempts were the same message: a receiver can tell.
  const ids = [...receiver.refused, ...receiver.taken].map(({ headers }) => headers['idempotency-key']);
  expect(new Set(ids).size).toBe(1);
  await handle.signal('approve', { gate: 'promote', by: 'the test' });
  const result = (await handle.result()) as DrillResult;

  expect(events()).toEqual(['gate_waiting', 'unproven', 'objective_missed']);
  expect(receiver.taken[2]!.body).toMatchObject({ title: 'shop: RTO missed', command: 'pgdrill objectives shop' });
  // A channel that cannot be told fails nothing; it is said.
  expect(result.warnings.join()).toContain('The environment variable PGDRILL_TEST_UNSET is not set.');
  const told = (await activitiesOf(handle)).filter(({ activity }) => activity === 'notify');
  expect(told.map(({ attempt }) => attempt).sort()).toEqual([1, 1, 1, 3]);
  await expectSecretKept(handle, result);
});

test('a gate that is answered meanwhile is not told any more, and nobody waits for the receiver', async () => {
  receiver.answerWith(500, 500, 500);
  const handle = await book.start('drill', { cluster: 'shop', target: 'latest', gates: ['restore'] });
  await eventually('the first attempt', () => Promise.resolve(receiver.refused.length > 0 ? true : undefined));
  await handle.signal('reject', { gate: 'restore', by: 'the test', reason: 'enough' });
  await handle.result();
  // Whoever rejected knows it.
  expect(events()).toEqual([]);
});

test.each([
  // There is no such backup, and the cluster has no retention.
  ['consolidate', { upTo: '20200101T000000Z-incremental' }, 'shop: the consolidation failed'],
  ['applyRetention', {}, 'shop: the retention failed'],
] as const)('a run of %s that fails is told', async (kind, input, title) => {
  const handle = await book.start(kind, { cluster: 'shop', ...input });
  await expect(handle.result()).rejects.toThrow();
  expect(receiver.taken.map(({ body }) => body)).toMatchObject([
    { event: 'failed', severity: 'critical', title, command: `pgdrill status ${handle.workflowId}` },
  ]);
});

test('what no run tells is told once a day, whoever looks', async () => {
  for (let segment = 0; segment < 3; segment += 1) await book.shop.archive();
  const { walDirectory } = book.shop.patient;
  const archived = (await readdir(walDirectory)).filter((name) => /^[0-9A-F]{24}$/.test(name)).sort();
  await rm(join(walDirectory, archived.at(-2)!));
  await book.shop.sql(`alter system set basic_archive.archive_directory = '/nowhere'`);
  await book.shop.sql('select pg_reload_conf()');
  await book.shop.sql('select pg_create_restore_point($$unarchived$$), pg_switch_wal()');
  for (let time = 0; time < 2; time += 1) await (await book.start('janitor', { graceMs: 3_600_000 })).result();
  expect(events()).toEqual(['proof_too_old', 'archive_gap', 'objective_missed', 'schedule_drift']);
  expect(receiver.taken[0]!.body).toMatchObject({ text: 'None of 2 drills has passed.' });
  expect((receiver.taken[1]!.body as Notification).text).toContain(archived.at(-2));
  expect(receiver.taken[2]!.body).toMatchObject({
    title: 'shop: RPO missed, WAL is not archived',
    text: expect.stringMatching(/^Segment [0-9A-F]{24} was finished .* ago and is not archived; 1 wait/) as string,
  });
  expect(receiver.taken[3]!.body).toMatchObject({
    title: 'shop: schedules differ from the configuration',
    text: 'shop backup nightly is not in Temporal.',
  });
});

test('pgdrill notify --test tells whether each channel takes one', async () => {
  const { exitCode, stdout } = await pgdrill(['notify', '--test', '--json'], {
    env: { ...book.env, PGDRILL_TEST_URL: `${receiver.url}/hooks/${secret}` },
  });
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject([
    { channel: 'everything', told: true },
    { channel: 'others', told: true },
    { channel: 'broken', told: false, why: 'The environment variable PGDRILL_TEST_UNSET is not set.' },
  ]);
  expect(events()).toEqual(['test', 'test']);
});

/** Neither in Temporal's history, failures of attempts included, nor in anything of the repository. */
async function expectSecretKept(handle: WorkflowHandle, { evidencePath }: DrillResult): Promise<void> {
  const history = await historyText(handle);
  expect(history).toContain('gate_waiting'); // it was read
  for (const all of [history, await readFile(evidencePath!, 'utf8')]) {
    expect(all).not.toContain('swordfish');
    expect(all).not.toContain(receiver.url);
  }
}
