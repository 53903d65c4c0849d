import { existsSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { withCatalog } from '../../src/catalog/catalog.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import { listBackups } from '../../src/repository/repository.js';
import { readState } from '../../src/retention/state.js';
import type { Hold } from '../../src/schema/hold.js';
import type { RetentionResult, RetentionSummary } from '../../src/schema/retention.js';
import { leftovers } from '../support/leftovers.js';
import { configure } from '../support/pgdrill-config.js';
import { type CommandResult, eventually, launchWorker, pgdrill, type Program } from '../support/programs.js';
import { type Runbook, startRunbook } from '../support/runbook.js';

// Everything but the newest full may go, once the grace is over.
const graceMs = 2_000;
const retention = `retention: { window: 1ms, keep_unscheduled: 1ms, min_fulls: 1, grace: ${graceMs}ms }`;

let book: Runbook;
let ids: string[];
let worker: Program | undefined;

beforeAll(async () => {
  book = await startRunbook({
    protect: { initdbArgs: ['--wal-segsize=1'] },
    backups: ['full', 'incremental', 'full', 'full'],
    cluster: retention,
  });
  ids = book.backups.map(({ id }) => id);
  await book.shop.archive();
});
afterAll(() => book.close());
afterEach(async () => {
  await worker?.kill('SIGKILL');
  worker = undefined;
});

const run = (...args: string[]): Promise<CommandResult> => pgdrill(args, { env: book.env });
const there = async (): Promise<string[]> => (await listBackups(book.shop.repository)).map(({ id }) => id);

/** What a command prints for programs. */
async function answer<T>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await run(...args, '--json');
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

async function refused(exitCode: number, ...args: string[]): Promise<string> {
  const command = await run(...args);
  expect(command.exitCode, command.stdout + command.stderr).toBe(exitCode);
  expect(command.stdout).toBe('');
  return command.stderr;
}

const fates = ({ backups }: RetentionSummary): string[] => backups.map(({ fate }) => fate);

describe('on the command line', () => {
  test('plan shows what would go and why, and changes nothing', async () => {
    expect(fates(await answer('retention', 'plan', 'shop'))).toEqual(['mark', 'mark', 'mark', 'keep']);
    const { stdout } = await run('retention', 'plan', 'shop');
    expect(stdout).toMatch(new RegExp(`${ids[3]!} .* keep .*reaches the start of the window`));
    expect(stdout).toMatch(/mark {5}3 backups/);
    expect((await run('retention', 'apply', 'shop', '--dry-run')).stdout).toMatch(/mark {5}3 backups/);
    expect((await readState(book.shop.repository)).marks).toEqual([]);
  });

  test('apply asks, and takes silence for a no', async () => {
    const said = await refused(64, 'retention', 'apply', 'shop');
    expect(said).toContain('Nobody can be asked here');
    expect(said).toContain(ids[0]);
    expect((await readState(book.shop.repository)).marks).toEqual([]);
  });

  test('a cluster without retention is refused', async () => {
    const { path } = await configure(book.shop);
    const command = await pgdrill(['retention', 'plan', 'shop'], { env: { ...book.env, PGDRILL_CONFIG: path } });
    expect(command.exitCode).toBe(78);
    expect(command.stderr).toContain('Cluster shop has no retention in the configuration.');
  });

  test('a hold keeps a backup and what it builds on, until it is released', async () => {
    const hold = await answer<Hold>('hold', 'shop', ids[1]!, '--until', '90d', '--reason', 'audit', '--wal');
    expect(hold).toMatchObject({ backups: [ids[1]], reason: 'audit', wal: { from: book.backups[1]!.startLsn } });
    expect(Date.parse(hold.until!) - Date.parse(hold.since)).toBeCloseTo(90 * 86_400_000, -5);
    expect(await answer<Hold[]>('holds')).toEqual([hold]);
    expect((await run('holds', 'shop')).stdout).toMatch(new RegExp(`${hold.id} .*${ids[1]!}, WAL from .* audit`));
    expect(fates(await answer('retention', 'plan', 'shop'))).toEqual(['keep', 'keep', 'mark', 'keep']);
    expect((await run('retention', 'plan', 'shop')).stdout).toContain(`hold ${hold.id}: audit`);
    expect(await answer('release', 'shop', hold.id)).toEqual({ released: hold.id });
    expect((await run('holds', 'shop')).stdout).toContain('Nothing is held.');
  });

  test('a hold that cannot be is refused, and so is the release of none', async () => {
    const refusals: [why: string, args: string[]][] = [
      ['There is no backup nothing', ['hold', 'shop', 'nothing']],
      ['The hold would be over already', ['hold', 'shop', ids[0]!, '--until', '2020-01-31']],
      ['--until tomorrow is no moment', ['hold', 'shop', ids[0]!, '--until', 'tomorrow']],
      ['is no moment', ['hold', 'shop', ids[0]!, '--until', '2099-01-31T12:00']],
      ['There is no hold hold-1', ['release', 'shop', 'hold-1']],
    ];
    await Promise.all(refusals.map(async ([why, args]) => expect(await refused(64, ...args)).toContain(why)));
    expect(await answer('holds')).toEqual([]);
  });

  test('apply marks first; undo takes back what it names, and refuses what is not marked', async () => {
    await book.withWorker({}, async () => {
      const marked = await answer<RetentionResult>('retention', 'apply', 'shop', '--yes');
      expect(marked.marked.map(({ id }) => id)).toEqual(ids.slice(0, 3));
      expect(marked).toMatchObject({ deleted: [], freedBytes: 0, kept: 1 });
    });
    expect(await refused(64, 'retention', 'undo', 'shop', ids[3]!)).toContain(`Backup ${ids[3]!} is not marked.`);
    expect(await answer('retention', 'undo', 'shop', ids[2]!)).toMatchObject({ backups: [ids[2]] });
    expect(await answer('retention', 'undo', 'shop')).toMatchObject({ backups: ids.slice(0, 2) });
    expect((await run('retention', 'undo', 'shop')).stdout).toContain('Nothing was marked.');
    expect(await there()).toEqual(ids);
  });
});

test('a worker that is killed in the middle of a deletion leaves nothing half, and the next one goes on', async () => {
  const barriers = join(book.shop.scratch, 'barriers');
  await makePrivateDirectory(barriers);
  const launch = (): Promise<Program> =>
    launchWorker(book.loaded.path, {
      ...book.temporal.env,
      NODE_OPTIONS: `--import=${join(import.meta.dirname, '..', 'faults', 'barriers.mjs')}`,
      PGDRILL_TEST_BARRIERS: barriers,
    });
  worker = await launch();
  await answer('retention', 'apply', 'shop', '--yes');
  await sleep(graceMs);
  // Held when the first backup has vanished: the incremental, before the full that it builds on.
  const barrier = join(barriers, 'deleteExpired@toTrash:after');
  writeFileSync(barrier, '');
  const handle = await book.start('applyRetention', { cluster: 'shop' });
  await eventually('the deletion', () => (existsSync(`${barrier}.${worker!.pid}`) ? true : undefined));
  await worker.kill('SIGKILL');

  expect(await there()).toEqual([ids[0], ids[2], ids[3]]);
  // What is gone can neither be taken back nor named.
  expect(await refused(64, 'retention', 'undo', 'shop', ids[1]!)).toContain('is not marked');
  expect(await answer('retention', 'undo', 'shop', ids[2]!)).toMatchObject({ backups: [ids[2]] });

  worker = await launch();
  const result = (await handle.result()) as RetentionResult;
  expect(result.deleted.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
  expect(result.deleted.every(({ bytes }) => bytes > 100_000)).toBe(true);
  expect(await there()).toEqual([ids[2], ids[3]]);
  expect((await readState(book.shop.repository)).marks).toEqual([]);
  expect((await readdir(join(book.shop.repository.path, 'backups'))).filter((name) => name.startsWith('.'))).toEqual(
    [],
  );
  expect(await leftovers(book.shop)).toEqual([]);
});

test('what was deleted, and why nothing was, stands in the catalog', async () => {
  const catalogUrl = await book.catalogUrl();
  await book.withWorker({ catalogUrl }, async () => {
    await (await book.start('applyRetention', { cluster: 'shop' })).result();
    await sleep(graceMs);
    const result = (await (await book.start('applyRetention', { cluster: 'shop' })).result()) as RetentionResult;
    expect(result.deleted.map(({ id }) => id)).toEqual([ids[2]]);
    expect(result.walDeleted.files).toBeGreaterThan(0);
    // A damaged state: nothing is known of marks.
    await book.shop.repository.storage.writeText('retention/state.json', '{');
    await expect((await book.start('applyRetention', { cluster: 'shop' })).result()).rejects.toThrow();
    expect(await there()).toEqual([ids[3]]);
  });
  const events = await withCatalog(catalogUrl, async (client) => {
    const { rows } = await client.query<{ kind: string; message: string }>(
      'select kind, message from pgdrill.monitoring_events order by id',
    );
    return rows.map(({ kind, message }) => `${kind}: ${message}`);
  });
  expect(events).toEqual([
    expect.stringMatching(/^retention_applied: deleted no backup and 0 files of WAL/),
    expect.stringMatching(new RegExp(`^retention_applied: deleted ${ids[2]!} and \\d+ files of WAL: .* freed`)),
    expect.stringMatching(/^retention_refused: .*state\.json is damaged/),
  ]);
});
