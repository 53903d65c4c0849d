import { afterAll, beforeAll, expect, it } from 'vitest';

import { createReceiveWal } from '../../activities/stream-wal.js';
import { withCatalog } from '../../src/catalog/catalog.js';
import { streamId } from '../../src/client/stream.js';
import { examine } from '../../src/doctor/doctor.js';
import { withConnection } from '../../src/postgres/connection.js';
import { readSlot, type ReplicationSlot } from '../../src/postgres/replication-slot.js';
import { Exposition } from '../../src/metrics/exposition.js';
import { collectSources } from '../../src/metrics/source-gauges.js';
import { readStreamRecord } from '../../src/repository/stream-record.js';
import { compareLsn } from '../../src/postgres/lsn.js';
import { standaloneContext } from '../../src/process/step-context.js';
import type { Notification } from '../../src/schema/notification.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import { findArchiveGaps } from '../../src/verify/verify.js';
import { column, planTo, restoreTo } from '../restore/restore-support.js';
import { processesUnder } from '../support/leftovers.js';
import { type CommandResult, eventually, pgdrill } from '../support/programs.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { type RunningWorker, startWorker } from '../support/temporal.js';
import { createToolsFor } from '../../workers/tools-for.js';

// A stream stands for too long, loses its slot, and goes on behind the gap: the tests tell the story in order.
const slotName = 'pgdrill_shop';
const wal = { mode: 'stream', slot: slotName, synchronous: true, compression: 'none' } as const;

let book: Runbook;
let catalogUrl: string;
let worker: RunningWorker;
let receiver: Receiver;
/** Of a moment whose WAL was never received. */
let lost: string;

beforeAll(async () => {
  book = await startRunbook({
    protect: {
      wal,
      initdbArgs: ['--wal-segsize=1'],
      settings: { max_slot_wal_keep_size: '16MB', min_wal_size: '2MB', autovacuum: 'off' },
    },
    sql: 'create table r (name text); create table filler (txt text)',
    backups: [],
    cluster: 'wal: { mode: stream, synchronous: true }',
    top: 'notifications: { everything: { webhook: { url_env: PGDRILL_TEST_URL } } }',
  });
  receiver = await startReceiver();
  process.env['PGDRILL_TEST_URL'] = receiver.url;
  catalogUrl = await book.catalogUrl();
  worker = await impatientWorker();
});
afterAll(async () => {
  await worker.stop();
  delete process.env['PGDRILL_TEST_URL'];
  await receiver.close();
  for (const pid of receivers()) process.kill(pid, 'SIGKILL');
  await book.close();
});

/** Its streams alarm after a second, not a minute. */
async function impatientWorker(): Promise<RunningWorker> {
  const dependencies = { loaded: book.loaded, toolsFor: createToolsFor(), catalogUrl };
  const receiveWal = createReceiveWal(dependencies, { alarmAfterMs: 1_000, calmMs: 1_000 });
  return await startWorker(book.temporal, book.loaded, { catalogUrl, wrap: () => ({ receiveWal }) });
}

const told = (): [event: string, title: string][] =>
  receiver.taken.map(({ body }) => {
    const { event, title } = body as Notification;
    return [event, title];
  });
const toldOf = (title: string): Promise<true> =>
  eventually(`the message "${title}"`, () =>
    Promise.resolve(told().some(([, each]) => each === title) ? true : undefined),
  );

/** What Prometheus would get of the stream. */
async function figure(name: string): Promise<number | undefined> {
  const text = await new Exposition([collectSources([{ ...book.shop.patient, wal }])]).text();
  const value = new RegExp(`^pgdrill_${name}\\{cluster="shop"\\} (\\S+)$`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

const cli = (...args: string[]): Promise<CommandResult> => pgdrill(args, { env: book.env });
const slot = (): Promise<ReplicationSlot | undefined> =>
  withConnection(book.shop.admin, (client) => readSlot(client, slotName));
const receivers = (): number[] =>
  processesUnder(book.shop.scratch).flatMap(({ pid, command }) => (command.includes('/pg_receivewal ') ? [pid] : []));
const write = (name: string): Promise<unknown> => book.shop.sql(`insert into r values ('${name}')`);
/** So many segments of 1 MB. */
const fill = (segments: number): Promise<unknown> =>
  book.shop.sql(`insert into filler select repeat('f', 1000) from generate_series(1, ${segments * 1_000})`);

const alarms = (kind: string, atLeast: number): Promise<{ severity: string; message: string }[]> =>
  eventually(`${atLeast} of the alarm ${kind}`, () =>
    withCatalog(catalogUrl, async (client) => {
      const { rows } = await client.query<{ severity: string; message: string }>(
        `select severity, message from pgdrill.monitoring_events where cluster = 'shop' and kind = $1`,
        [kind],
      );
      return rows.length >= atLeast ? rows : undefined;
    }),
  );
const alarm = async (kind: string): Promise<{ severity: string; message: string }> => (await alarms(kind, 1))[0]!;

it('a stream that stands is told once, and once that it is well again, whatever comes and goes meanwhile', async () => {
  expect(await cli('stream', 'start', 'shop')).toMatchObject({ exitCode: 0 });
  expect(await figure('wal_stream_receiving')).toBe(1);
  expect(await figure('wal_received_position_bytes')).toBeGreaterThan(0);
  await book.shop.source.stop('fast');
  await toldOf('shop: the WAL stream stands');
  await alarms('wal_stream_down', 1);
  await worker.stop();
  worker = await impatientWorker();
  // The new worker finds the source down, too, and says so to the workflow, which has told it.
  await alarms('wal_stream_down', 2);
  await book.shop.source.start();
  await toldOf('shop: the WAL stream is well again');
  expect(told()).toEqual([
    ['wal_stream', 'shop: the WAL stream stands'],
    ['wal_stream', 'shop: the WAL stream is well again'],
  ]);
  receiver.taken.length = 0;
});

it('with wal.synchronous what was received is on disk, before its segment is full', async () => {
  await book.shop.backup('full');
  await book.shop.archive();
  await write('received');
  await eventually('all that is committed to be on disk', async () => {
    const [row] = await book.shop.sql<{ safe: boolean }>(
      `select flush_lsn >= pg_current_wal_flush_lsn() as safe from pg_stat_replication where application_name = 'pgdrill_stream'`,
    );
    return row?.safe === true ? true : undefined;
  });
});

it('a stream that stands gives an alarm for each danger to its slot, until it is lost', async () => {
  await book.shop.archive();
  // The source also keeps what its WAL summarizer has still to read, up to the next checkpoint, whatever becomes of the slot.
  await book.shop.sql('alter system set summarize_wal = off');
  await book.shop.sql('select pg_reload_conf()');
  await book.shop.sql('alter role pgdrill noreplication');
  for (const pid of receivers()) process.kill(pid, 'SIGKILL');
  await fill(8);
  expect(await alarm('wal_slot_lag')).toMatchObject({ severity: 'warning' });
  await fill(14);
  expect(await alarm('wal_slot_unreserved')).toMatchObject({ severity: 'critical' });
  expect([await figure('wal_stream_receiving'), await figure('wal_received_position_bytes')]).toEqual([0, undefined]);
  const limit = await figure('wal_slot_limit_bytes');
  expect(limit).toBe(16 * 1024 * 1024);
  expect(await figure('wal_slot_held_bytes')).toBeGreaterThan(limit!);
  await write('lost');
  lost = (await book.shop.sql<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn'))[0]!.lsn;
  await book.shop.sql('select pg_switch_wal()');
  await fill(17);
  await book.shop.sql('checkpoint');
  expect(await alarm('wal_slot_lost')).toMatchObject({ severity: 'critical' });
  await book.shop.sql('alter role pgdrill replication');
});

it('then it ends, says why, and drops the slot', async () => {
  const handle = book.temporal.client.workflow.getHandle(streamId('shop'));
  await expect(handle.result()).rejects.toMatchObject({
    cause: { type: 'RepositoryError', message: expect.stringContaining('has a gap: replication slot') as string },
  });
  expect([await slot(), receivers()]).toEqual([undefined, []]);
  // Once each; that it stands is told before, or is no news any more.
  expect(told().filter(([, title]) => title !== 'shop: the WAL stream stands')).toEqual([
    ['wal_stream', 'shop: the WAL stream falls behind'],
    ['wal_stream', 'shop: the WAL stream’s slot is about to be lost'],
    ['failed', 'shop: the WAL stream failed'],
  ]);
  const { text, severity } = receiver.taken.at(-1)!.body as Notification;
  expect([severity, text]).toEqual(['critical', expect.stringContaining('pgdrill stream start shop --accept-gap')]);
  receiver.taken.length = 0;
  const status = await cli('stream', 'status', 'shop');
  expect(status.exitCode).toBe(1);
});

it('another start is refused as long as nobody accepts the gap, and leaves no slot', async () => {
  await eventually('the source to remove what was not received', async () => {
    const [{ here } = { here: true }] = await book.shop.sql<{ here: boolean }>(
      `checkpoint; select exists (select from pg_ls_waldir() where name <= pg_walfile_name('${lost}')) as here`,
    );
    return here ? undefined : true;
  });
  const { exitCode, stderr } = await cli('stream', 'start', 'shop');
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/needs WAL segment [0-9A-F]{24} next, which the source has no longer/);
  expect(stderr).toContain('pgdrill stream start shop --accept-gap');
  expect(await slot()).toBeUndefined();
  expect(told()).toEqual([['failed', 'shop: the WAL stream failed']]);
});

it('with --accept-gap it goes on behind it; a full backup makes the rest restorable, and nothing in between is', async () => {
  await book.shop.sql('alter system set summarize_wal = on');
  await book.shop.sql('select pg_reload_conf()');
  const started = await cli('stream', 'start', 'shop', '--accept-gap');
  expect(started, started.stderr).toMatchObject({ exitCode: 0 });
  const [first] = await eventually('a new record of how far it is', async () => {
    const steps = await readStreamRecord(book.shop.repository);
    return steps.length > 0 ? steps : undefined;
  });
  expect(compareLsn(first!.lsn, lost)).toBe(1);
  await book.shop.backup('full');
  await write('behind the gap');
  await book.shop.archive();
  const { walDirectory } = book.shop.patient;
  const gaps = await findArchiveGaps(book.shop.repository, walDirectory, new AbortController().signal);
  expect(gaps).toMatchObject([{ level: 'error', id: expect.stringMatching(/^wal-gap\//) as string }]);
  // The archive check says so, and does not fail: the full backup is what helped.
  const findings = await examine(book.shop.patient, standaloneContext('archive check'));
  expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
  expect(findings).toContainEqual(expect.objectContaining({ name: 'archive gaps', level: 'warning' }));
  await expect(planTo(book.shop, `lsn=${lost}`)).rejects.toThrow(/is missing/);
  const { sandbox } = await restoreTo(book.shop, 'latest');
  try {
    expect(await column(sandbox, 'select name from r')).toEqual(['received', 'lost', 'behind the gap']);
  } finally {
    await removeSandbox(book.shop.tools, sandbox);
  }
});

it('one that is cancelled leaves neither a slot nor a process', async () => {
  const handle = book.temporal.client.workflow.getHandle(streamId('shop'));
  await handle.cancel();
  await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  expect([await slot(), receivers()]).toEqual([undefined, []]);
});
