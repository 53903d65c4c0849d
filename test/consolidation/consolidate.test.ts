import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { consolidate } from '../../src/consolidation/consolidate.js';
import { DiskFullError, RepositoryError, UsageError } from '../../src/errors.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import { verifyBackup } from '../../src/postgres/verifybackup.js';
import { standaloneContext, type StepContext } from '../../src/process/step-context.js';
import { listHolds } from '../../src/repository/holds.js';
import { keys, listBackups } from '../../src/repository/repository.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { DrillResult } from '../../src/schema/evidence.js';
import { leftovers } from '../support/leftovers.js';
import { configure } from '../support/pgdrill-config.js';
import { pgdrill } from '../support/programs.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { type RunningWorker, start, startTestTemporal, startWorker, type TestTemporal } from '../support/temporal.js';
import { column, flipByte, listing, restoreTo } from '../restore/restore-support.js';

let temporal: TestTemporal;
let shop: ProtectedCluster;
let worker: RunningWorker;
let loaded: LoadedConfiguration;
let env: Record<string, string>;
let [full, incremental, synthetic] = [] as unknown as [BackupRecord, BackupRecord, BackupRecord];

beforeAll(async () => {
  temporal = await startTestTemporal();
  shop = await protectCluster({ settings: { autovacuum: 'off' } });
  const outside = join(shop.scratch, 'out side=1');
  await makePrivateDirectory(outside);
  await shop.sql(`create tablespace "odd space" location '${outside}'`);
  await shop.sql(`
    create table elsewhere tablespace "odd space" as select i, repeat('e', 100) as txt from generate_series(1, 2000) as i;
    create table orders (id int primary key, txt text);
    insert into orders select i, repeat('o', 200) from generate_series(1, 4000) as i;
    create table short (id int primary key, txt text);
    insert into short select i, repeat('x', 200) from generate_series(1, 3000) as i;
    delete from short where id > 612`);
  // Pages at the end that are empty and marked all-visible: the next VACUUM cuts them off, and no WAL names the map.
  await shop.sql(`vacuum (freeze, truncate false) short`);
  full = await shop.backup('full');
  await shop.sql(`vacuum short`);
  await shop.sql(`update orders set txt = 'changed' where id % 40 = 0; delete from elsewhere where i > 1000`);
  incremental = await shop.backup('incremental');
  loaded = await configure(shop);
  env = { ...temporal.env, PGDRILL_CONFIG: loaded.path };
  worker = await startWorker(temporal, loaded);
});

afterAll(async () => {
  await worker.stop();
  await shop.remove();
  await temporal.stop();
});

const owner = { namespace: 'default', workflowId: 'consolidate-shop', runId: '0f1e2d3c-0000-4000-8000-000000000000' };
const make = (operation: string, upTo?: string, more: Partial<StepContext> = {}): Promise<BackupRecord> =>
  consolidate(shop.tools, { repository: shop.repository, upTo, owner }, { ...standaloneContext(operation), ...more });
const backupPath = (id: string): string => join(shop.repository.path, keys.backup(id));
const inBackups = async (): Promise<string[]> => await readdir(join(shop.repository.path, keys.backups));

const content = `
  select (select sum(hashtextextended(orders::text, 0))::text from orders)
      || ' ' || (select sum(hashtextextended(elsewhere::text, 0))::text from elsewhere)
      || ' ' || (select sum(hashtextextended(short::text, 0))::text from short)`;

describe('a consolidation is refused', () => {
  it('where a link was found unsafe', async () => {
    expect(incremental.unsafe?.join()).toContain('visibility map');
    await expect(make('unsafe', incremental.id)).rejects.toThrow(`Backup ${incremental.id} cannot be trusted`);
    // From here on the guard is off: that the map is mended shows only where such a link is used.
    const safe = { ...incremental };
    delete safe.unsafe;
    await writeFile(join(backupPath(incremental.id), 'record.json'), JSON.stringify(safe));
    incremental = safe;
  });

  it('where a link is damaged, and leaves nothing behind', async () => {
    const before = await inBackups();
    const data = join(backupPath(incremental.id), 'data');
    const names = await readdir(data, { recursive: true });
    const name = names.find((each) => /\/INCREMENTAL\.\d+$/.test(each)) ?? '';
    const undo = await flipByte(join(data, name), 8_200);
    const refused = make('damaged');
    await expect(refused).rejects.toThrow(RepositoryError);
    await expect(refused).rejects.toThrow(`Backup ${incremental.id} does not match its manifest`);
    await undo();
    expect(await inBackups()).toEqual(before);
  });

  it('where there is no room for it, before anything is written', async () => {
    const record = join(backupPath(incremental.id), 'record.json');
    await writeFile(record, JSON.stringify({ ...incremental, restoredBytes: 1e18 }));
    const before = await inBackups();
    const refused = await make('no room').catch((error: unknown) => error);
    await writeFile(record, JSON.stringify(incremental));
    expect(refused).toBeInstanceOf(DiskFullError);
    expect(String(refused)).toMatch(/chain of .*-incremental needs 1000.0 PB, and the disk .* has .* left/);
    expect(await inBackups()).toEqual(before);
    expect(await listHolds(shop.repository)).toEqual([]);
  });

  it('by who cancels it; until then its chain is held', async () => {
    const folder = join(shop.repository.path, 'holds');
    const stop = new AbortController();
    const held: unknown[] = [];
    const cancelled = make('cancelled', incremental.id, {
      signal: stop.signal,
      progress: ({ doing }) => {
        if (!doing.startsWith('combining')) return;
        for (const name of readdirSync(folder)) held.push(JSON.parse(readFileSync(join(folder, name), 'utf8')));
        stop.abort(new Error('cancelled'));
      },
    });
    await expect(cancelled).rejects.toThrow('cancelled');
    const { namespace, workflowId, runId } = owner;
    expect(held).toEqual([
      expect.objectContaining({
        backups: [full.id, incremental.id],
        by: { kind: 'run', namespace, workflowId, runId },
      }),
    ]);
    expect(await listHolds(shop.repository)).toEqual([]);
  });

  it('where there is no chain', async () => {
    await expect(make('full', full.id)).rejects.toThrow(UsageError);
    await expect(make('full', full.id)).rejects.toThrow('is a full backup already');
    await expect(make('none', 'nowhere')).rejects.toThrow('There is no backup nowhere');
  });
});

describe('a full backup that is made of a chain', () => {
  it('is whole, stands for the last link, and leaves the chain as it is', async () => {
    const before = { full: await listing(backupPath(full.id)), incremental: await listing(backupPath(incremental.id)) };
    const command = await pgdrill(['consolidate', 'shop', '--json'], { env });
    expect(command, command.stderr).toMatchObject({ exitCode: 0 });
    const { id } = JSON.parse(command.stdout) as { id: string };
    expect(await listHolds(shop.repository)).toEqual([]);
    const records = await listBackups(shop.repository);
    synthetic = records.find((each) => each.id === id)!;
    expect(synthetic).toMatchObject({
      type: 'full',
      consolidatedFrom: [full.id, incremental.id],
      startLsn: incremental.startLsn,
      endLsn: incremental.endLsn,
      timeline: incremental.timeline,
      startedAt: incremental.startedAt,
      finishedAt: incremental.finishedAt,
    });
    expect(synthetic).not.toHaveProperty('parent');
    expect(synthetic.sizeBytes).toBeGreaterThan(incremental.sizeBytes);
    await verifyBackup(shop.tools, join(backupPath(id), 'data'), id, standaloneContext('verify'));
    expect({
      full: await listing(backupPath(full.id)),
      incremental: await listing(backupPath(incremental.id)),
    }).toEqual(before);
  });

  it('has the stale bits of visibility maps mended, and its manifest says what the mended files hold', async () => {
    expect(synthetic.mended).toHaveLength(1);
    expect(synthetic.mended?.[0]?.beyond).toBeGreaterThan(0);
    const manifest = await readFile(join(backupPath(synthetic.id), 'data', 'backup_manifest'), 'utf8');
    const { filenode } = synthetic.mended![0]!;
    expect(manifest).toMatch(new RegExp(`"Path": "base/\\d+/${filenode}_vm".*"Checksum-Algorithm": "SHA256"`));
  });

  it('is made once, whoever asks again', async () => {
    expect(await make(synthetic.operation)).toEqual(synthetic);
    expect(await make('another', incremental.id)).toEqual(synthetic);
    // A policy has its time whether or not there is a chain.
    const scheduled = await start(temporal, loaded, 'consolidate', { cluster: 'shop', policy: 'nightly' });
    expect(await scheduled.result()).toMatchObject({ id: synthetic.id, consolidatedFrom: [] });
    expect(await inBackups()).toHaveLength(3);
  });

  it('is built upon by the next incremental, and both restore to what the source holds', async () => {
    await shop.sql(`update orders set txt = 'again' where id % 50 = 0; insert into short values (5000, 'new')`);
    const next = await shop.backup('incremental');
    expect(next).toMatchObject({ type: 'incremental', parent: synthetic.id });
    expect(next).not.toHaveProperty('unsafe');
    await shop.sql(`delete from orders where id % 70 = 0`);
    const [expected] = await shop.sql<Record<string, string>>(content);
    await shop.archive();
    const { sandbox, plan } = await restoreTo(shop, 'latest');
    try {
      expect(plan.chain.map(({ id }) => id)).toEqual([synthetic.id, next.id]);
      expect(await column(sandbox, content)).toEqual(Object.values(expected ?? {}));
    } finally {
      await removeSandbox(shop.tools, sandbox);
    }
  });

  it('is restored from by a drill, which passes, and the estimate is judged', async () => {
    // Once the chain that it was made of is gone, and what was built on it: nothing else is left.
    for (const { id } of await listBackups(shop.repository))
      if (id !== synthetic.id) await rm(backupPath(id), { recursive: true });
    const command = await pgdrill(['drill', 'shop', '--json'], { env });
    const result = JSON.parse(command.stdout) as DrillResult;
    expect(result, JSON.stringify(result.checks, null, 1)).toMatchObject({ verdict: 'passed' });
    expect(result.chain.map(({ id }) => id)).toEqual([synthetic.id]);
    expect(result.estimate?.restores).toBe(0);
    expect(result.estimate?.basis).toContain('a guess');
    expect(result.estimate?.actualSeconds).toBe(result.rtoSeconds);
    expect(result.estimate?.ratio).toBeCloseTo((result.rtoSeconds ?? 0) / (result.estimate?.seconds ?? 1));
    expect(await leftovers(shop)).toEqual([]);
  });
});

describe('pgdrill plan', () => {
  it('shows chain, WAL, estimate and what can be restored, and changes nothing', async () => {
    const before = await listing(shop.scratch);
    const command = await pgdrill(['plan', 'shop', '--json'], { env: { PGDRILL_CONFIG: env['PGDRILL_CONFIG']! } });
    expect(command, command.stderr).toMatchObject({ exitCode: 0 });
    const plan = JSON.parse(command.stdout) as Record<string, never>;
    expect(plan).toMatchObject({
      chain: [{ id: synthetic.id, type: 'full' }],
      // The drill before is what it goes by now.
      estimate: { restores: 1, basis: expect.stringContaining('the last restore on this host') as string },
      // Its own estimate rested on nothing: a guess is not counted.
      pastEstimates: { estimates: 0 },
      recoverable: [{ timeline: 1, from: synthetic.endLsn, lastCommitAt: expect.any(String) as string }],
    });
    const text = await pgdrill(['plan', 'shop', '--target', 'immediate'], { env });
    expect(text.stdout).toContain('What can be restored');
    expect(text.stdout).toContain('until it takes writes');
    expect(text.stdout).toContain('How good such estimates are is not known');
    const after = await listing(shop.scratch);
    // The source goes on living beside it.
    const ours = (files: typeof before): string[] =>
      Object.entries(files).flatMap(([name, hash]) => (name.startsWith('source/') ? [] : [`${name} ${hash}`]));
    expect(ours(after)).toEqual(ours(before));
  });

  it('says why a target cannot be reached, and what can', async () => {
    const command = await pgdrill(['plan', 'shop', '--target', 'name=nowhere', '--json'], { env });
    expect(command.exitCode).not.toBe(0);
    const said = JSON.parse(command.stdout) as Record<string, never>;
    expect(said).toMatchObject({ error: { type: 'TargetError' }, recoverable: [{ timeline: 1 }] });
    const fence = await pgdrill(['plan', 'shop', '--target', 'fence'], { env });
    expect(fence.exitCode).toBe(64);
    expect(fence.stderr).toContain('A fence exists only in a drill');
  });
});
