import { existsSync } from 'node:fs';
import { readdir, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { segmentName, segmentNumberOf } from '../../src/postgres/wal-segment.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import { planUnderHold, releaseRunHold, runHoldId } from '../../src/restore/run-hold.js';
import { standaloneContext, type StepContext } from '../../src/process/step-context.js';
import { holdBackup } from '../../src/repository/hold-backup.js';
import { listHolds, releaseHold } from '../../src/repository/holds.js';
import { listBackups } from '../../src/repository/repository.js';
import { deleteExpired, markExpired } from '../../src/retention/apply.js';
import type { RetentionRequest } from '../../src/retention/facts.js';
import { readState, wasExpired, writeState } from '../../src/retention/state.js';
import { undoMarks } from '../../src/retention/undo.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import { column, planTo, restoreTo } from '../restore/restore-support.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { settingsOf } from './world.js';

const second = 1_000;

let shop: ProtectedCluster;
let taken: BackupRecord[];
/** When the row of each number was committed and the WAL with it archived. */
const moments: Date[] = [];

// A life of some seconds, and a clock that is handed in: the window is the time since the second full.
beforeAll(async () => {
  shop = await protectCluster({ initdbArgs: ['--wal-segsize=1'] });
  await shop.sql('create table t (id int)');
  taken = [];
  for (const type of ['full', 'incremental', 'full', 'incremental', 'full'] as const) {
    taken.push(await shop.backup(type));
    await shop.sql(`insert into t values (${taken.length})`);
    moments.push(new Date((await shop.sql<{ now: Date }>('select clock_timestamp() as now'))[0]!.now));
    await shop.archive();
  }
});

afterAll(() => shop.remove());

const after = (backup: BackupRecord, ms: number): Date => new Date(Date.parse(backup.finishedAt) + ms);

/** The window begins just behind the second full; its age alone keeps nothing. */
function request(now: Date, change: Parameters<typeof settingsOf>[0] = {}): RetentionRequest {
  const settings = settingsOf({
    windowMs: now.getTime() - after(taken[2]!, 1).getTime(),
    keepUnscheduledMs: 0,
    minFulls: 1,
    graceMs: 60 * second,
    ...change,
  });
  const { walDirectory } = shop.patient;
  return { repository: shop.repository, walDirectory, ownWalDirectory: true, settings, now };
}

const archived = (): Pick<RetentionRequest, 'repository' | 'walDirectory'> => ({
  repository: shop.repository,
  walDirectory: shop.patient.walDirectory,
});
const ids = async (): Promise<string[]> => (await listBackups(shop.repository)).map(({ id }) => id);
const walNames = async (): Promise<string[]> => (await readdir(shop.patient.walDirectory)).sort();

let runs = 0;
const context = (more: Partial<StepContext> = {}): StepContext => ({
  ...standaloneContext(`retention/${++runs}`),
  ...more,
});

test('marks first; an undo and a hold keep what they name; nothing is deleted within the grace', async () => {
  const now = after(taken[4]!, 10 * second);
  const plan = await markExpired(request(now), context());
  expect(plan.backups.map(({ fate }) => fate)).toEqual(['mark', 'mark', 'keep', 'mark', 'keep']);
  expect((await readState(shop.repository)).marks.map(({ backup }) => backup)).toEqual(
    [0, 1, 3].map((at) => taken[at]!.id),
  );
  expect(await deleteExpired(request(after(taken[4]!, 60 * second)), context())).toMatchObject({
    deleted: [],
    freedBytes: 0,
  });
  expect(await undoMarks(archived(), [], { now })).toMatchObject({
    backups: [0, 1, 3].map((at) => taken[at]!.id),
  });
  // An hour later the marks are new: their grace begins again.
  const later = after(taken[4]!, 3_600 * second);
  await markExpired(request(later), context());
  expect(await deleteExpired(request(later), context())).toMatchObject({ deleted: [], kept: 2 });
  const hold = await holdBackup(shop.repository, { backup: taken[1]!.id, by: 'ada', reason: 'audit' });
  const held = await markExpired(request(later), context());
  expect(held.backups.map(({ fate }) => fate)).toEqual(['keep', 'keep', 'keep', 'marked', 'keep']);
  expect(held.backups[1]!.reasons).toEqual([`hold ${hold.id}: audit`]);
  await releaseHold(shop.repository, hold.id);
  expect(await ids()).toHaveLength(5);
});

test('a restore that is planned holds its chain and its WAL until it is over', async () => {
  const now = after(taken[4]!, 7_200 * second);
  await markExpired(request(now), context());
  const owner = { namespace: 'default', workflowId: 'drill-shop', runId: '0f1e2d3c-0000-4000-8000-000000000000' };
  const due = new Date(now.getTime() + 3_600 * second);
  const signal = new AbortController().signal;
  const plan = await planUnderHold(shop.repository, owner, signal, async () => {
    // In the middle of planning nothing may go, though all of it is due.
    expect(await deleteExpired(request(due), context())).toMatchObject({ deleted: [], walDeleted: { files: 0 } });
    return await planTo(shop, `time=${moments[1]!.toISOString()}`);
  });
  expect(plan.warnings).toEqual([]);
  expect(plan.chain.map(({ id }) => id)).toEqual([taken[0]!.id, taken[1]!.id]);
  try {
    const [hold] = await listHolds(shop.repository);
    expect(hold).toMatchObject({ id: runHoldId(owner), everything: false, wal: { from: plan.wal.from, timeline: 1 } });
    // The grace is long over: what the plan does not name may go.
    const held = await markExpired(request(due), context());
    expect(held.backups.map(({ fate }) => fate)).toEqual(['keep', 'keep', 'keep', 'delete', 'keep']);
  } finally {
    await releaseRunHold(() => Promise.resolve(shop.repository), owner);
  }
  expect(await listHolds(shop.repository)).toEqual([]);
});

test('WAL that a deletion had announced, and that was kept after all, does not count as deleted', async () => {
  const now = after(taken[4]!, 15_000 * second);
  const due = request(new Date(now.getTime() + 60 * second));
  const announced = async (): Promise<string[]> => {
    const state = await readState(shop.repository);
    return (await walNames()).filter((name) => wasExpired(state, name));
  };
  const breakOff = async (operation: string): Promise<void> => {
    await markExpired(request(now), context());
    const progress: StepContext['progress'] = ({ doing }) => {
      if (doing.startsWith('deleting')) throw new Error('killed');
    };
    await expect(deleteExpired(due, context({ operation, progress }))).rejects.toThrow('killed');
    expect(await announced()).not.toEqual([]);
  };
  const nothing = { deleted: [], walDeleted: { files: 0, bytes: 0 } };

  await breakOff('retention/undone');
  await undoMarks(archived(), [], { now });
  expect(await announced()).toEqual([]);
  expect(await deleteExpired(due, context({ operation: 'retention/undone', attempt: 2 }))).toMatchObject(nothing);

  await breakOff('retention/held');
  const owner = { namespace: 'default', workflowId: 'drill-shop', runId: '1f1e2d3c-0000-4000-8000-000000000000' };
  const again = context({ operation: 'retention/held', attempt: 2 });
  await planUnderHold(shop.repository, owner, again.signal, async () => {
    expect(await deleteExpired(due, again)).toMatchObject(nothing);
    return await planTo(shop, 'latest');
  });
  await releaseRunHold(() => Promise.resolve(shop.repository), owner);
  expect(await announced()).toEqual([]);
});

test('a crash in the middle leaves nothing half, and the next attempt ends it', async () => {
  const now = after(taken[4]!, 20_000 * second);
  await markExpired(request(now), context());
  const due = request(new Date(now.getTime() + 60 * second));
  // As kill -9 strikes: the attempt stops where it is, at the second backup.
  let deleting = 0;
  const stop = new AbortController();
  const progress: StepContext['progress'] = ({ doing }) => {
    if (doing.startsWith('deleting') && ++deleting === 2) stop.abort(new Error('killed'));
  };
  const operation = 'retention/crash';
  await expect(deleteExpired(due, context({ operation, signal: stop.signal, progress }))).rejects.toThrow('killed');
  const left = await ids();
  expect(left.length).toBeLessThan(5);
  for (const { parent } of await listBackups(shop.repository)) if (parent !== undefined) expect(left).toContain(parent);
  const before = await walNames();
  const result = await deleteExpired(due, context({ operation, attempt: 2 }));
  // Both attempts together, children before their parents.
  expect(result.deleted.map(({ id }) => id).sort()).toEqual([0, 1, 3].map((at) => taken[at]!.id).sort());
  expect(result.deleted.every(({ bytes }) => bytes > 100_000)).toBe(true);
  expect(result.walDeleted.files).toBeGreaterThan(0);
  expect(await ids()).toEqual([taken[2]!.id, taken[4]!.id]);
  const gone = before.filter((name) => !existsSync(join(shop.patient.walDirectory, name)));
  expect(gone).toHaveLength(result.walDeleted.files);
  const state = await readState(shop.repository);
  expect(gone.every((name) => wasExpired(state, name))).toBe(true);
  expect((await walNames()).some((name) => wasExpired(state, name))).toBe(false);
  expect((await readdir(join(shop.repository.path, 'backups'))).filter((name) => name.startsWith('.'))).toEqual([]);
  // A retry of what is done answers the same and changes nothing.
  expect(await deleteExpired(due, context({ operation, attempt: 3 }))).toEqual({ ...result, warnings: [] });
});

test('the oldest moment of the window is restored from what is left', async () => {
  const { sandbox, plan } = await restoreTo(shop, `time=${moments[2]!.toISOString()}`);
  try {
    expect(plan.chain.map(({ id }) => id)).toEqual([taken[2]!.id]);
    expect(await column(sandbox, 'select id from t order by id')).toEqual(['1', '2', '3']);
  } finally {
    await removeSandbox(shop.tools, sandbox);
  }
});

test('a target that retention has deleted is told from one that was lost', async () => {
  await expect(planTo(shop, `time=${moments[0]!.toISOString()}`)).rejects.toThrow(/Retention has deleted older states/);
  const [from, to] = [taken[2]!, taken[3]!];
  const size = from.walSegmentSizeBytes;
  const number = segmentNumberOf(from.endLsn, size) + 1n;
  expect(number).toBeLessThan(segmentNumberOf(to.endLsn, size));
  const name = segmentName({ timeline: 1, number }, size);
  const file = join(shop.patient.walDirectory, name);
  const state = await readState(shop.repository);
  await rename(file, `${file}.away`);
  try {
    await expect(planTo(shop, `lsn=${to.endLsn}`)).rejects.toThrow(`WAL segment ${name} is missing`);
    const compressed = `${name}.gz`; // as earlier versions noted it
    await writeState(shop.repository, {
      ...state,
      expiredWal: [...state.expiredWal, { from: compressed, to: compressed }],
    });
    await expect(planTo(shop, `lsn=${to.endLsn}`)).rejects.toThrow(`${name}, which retention has deleted on purpose`);
  } finally {
    await rename(`${file}.away`, file);
    await writeState(shop.repository, state);
  }
});

test('a clock that is behind the archive, or far ahead of the last run, is refused and changes nothing', async () => {
  const state = await readState(shop.repository);
  const file = join(shop.patient.walDirectory, '00000001000000000000FFFF');
  await writeFile(file, '');
  const ahead = new Date(Date.parse(state.lastRunAt!) + 3 * 3_600 * second);
  await utimes(file, ahead, ahead);
  await expect(markExpired(request(new Date(state.lastRunAt!)), context())).rejects.toThrow(
    /but WAL file .*FFFF is of/,
  );
  const [year, now] = [new Date(Date.parse(state.lastRunAt!) + 366 * 86_400 * second), new Date(ahead)];
  const newest = after(taken[4]!, 1).getTime();
  // Everything but the newest chain would go: the window begins behind it.
  const all = { windowMs: year.getTime() - newest };
  await expect(markExpired(request(year, all), context())).rejects.toThrow(/the last run of retention was at/);
  expect(await readState(shop.repository)).toEqual(state);
  await markExpired({ ...request(year, all), acceptClock: true }, context());
  expect((await readState(shop.repository)).lastRunAt).toBe(year.toISOString());
  // Back to the right clock: refused, until the marks of the wrong one are taken back.
  await expect(markExpired(request(now), context())).rejects.toThrow(/but the last run of retention is of/);
  await undoMarks(archived(), [], { now });
  expect((await markExpired(request(now), context())).backups.map(({ fate }) => fate)).toEqual(['keep', 'keep']);
});
