import { execFileSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { exists } from '../../src/files/durable.js';
import { verifyBackup } from '../../src/postgres/verifybackup.js';
import { standaloneContext } from '../../src/process/step-context.js';
import { keys, listBackups } from '../../src/repository/repository.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import { planTo, prepare, sandboxFor } from '../restore/restore-support.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { type FragileDisk, makeFragileDisk } from './fragile-disk.js';

// What a record claims lies on the disk, not in its cache: the power is cut the moment the record is there. A disk of its own loses
// everything that was not fsynced by then.
let shop: ProtectedCluster;
let repository: FragileDisk | undefined;
let sandboxes: FragileDisk | undefined;

beforeAll(async () => {
  shop = await protectCluster({ settings: { fsync: 'on' } }); // WAL is archived as durably as on a real server
  await shop.sql('create table orders (id int primary key); insert into orders select generate_series(1, 20000)');
  await shop.archive(); // nobody writes into the repository while it moves
  repository = await makeFragileDisk(shop.patient.repository);
  sandboxes = await makeFragileDisk(shop.patient.sandboxDirectory);
});
afterAll(async () => {
  repository?.unmount();
  sandboxes?.unmount();
  await shop.remove();
});

const noDisk = 'a disk of its own needs root, loop devices, mkfs.ext4 and perl';

const context = standaloneContext('test/power-cut');

async function isWhole(backup: string): Promise<boolean> {
  return await verifyBackup(shop.tools, join(backup, 'data'), backup, context).then(
    () => true,
    () => false,
  );
}

describe('when the power is cut', { timeout: 120_000 }, () => {
  test('what nobody fsynced is lost: a copy of a backup is not whole any more', async ({ skip }) => {
    if (repository === undefined) return skip(noDisk);
    const { id } = await shop.backup('full');
    const copy = join(shop.patient.repository, 'copy');
    execFileSync('cp', ['-a', shop.repository.storage.pathOf(keys.backup(id)), copy]);
    expect(await isWhole(copy)).toBe(true);
    repository.cutPower();
    expect(await isWhole(copy)).toBe(false);
    await rm(copy, { recursive: true, force: true });
  });

  test.for(['full', 'incremental'] as const)('a %s backup that has its record is whole', async (type, { skip }) => {
    if (repository === undefined) return skip(noDisk);
    await shop.sql('update orders set id = -id');
    const record = await shop.backup(type);
    repository.cutPower();
    expect((await listBackups(shop.repository)).find(({ id }) => id === record.id)).toEqual(record);
    expect(await isWhole(shop.repository.storage.pathOf(keys.backup(record.id)))).toBe(true);
  });

  test('a text that was written whole is there, and one that was simply written is not', async ({ skip }) => {
    if (repository === undefined) return skip(noDisk);
    const { storage } = shop.repository;
    await storage.writeText('evidence/kept/evidence.json', '{"kept": true}');
    await writeFile(storage.pathOf('evidence/kept/other.json'), '{"kept": false}');
    repository.cutPower();
    expect(await storage.readText('evidence/kept/evidence.json')).toBe('{"kept": true}');
    expect(await readFile(storage.pathOf('evidence/kept/other.json'), 'utf8').catch(() => '')).toBe('');
  });

  test('WAL that counts as archived is there', async ({ skip }) => {
    if (repository === undefined) return skip(noDisk);
    const lsn = await shop.archive();
    repository.cutPower();
    const [row] = await shop.sql<{ name: string }>(`select pg_walfile_name('${lsn}') as name`);
    const segment = await readFile(join(shop.patient.walDirectory, row!.name));
    expect(segment.length).toBe(16 * 1024 * 1024);
    expect(segment.subarray(0, 2).some((byte) => byte !== 0)).toBe(true);
  });

  test('a sandbox that has its record is whole', async ({ skip }) => {
    if (sandboxes === undefined) return skip(noDisk);
    const plan = await planTo(shop, 'latest');
    const sandbox = sandboxFor(shop, plan);
    await prepare(shop, plan, sandbox);
    sandboxes.cutPower();
    try {
      expect(await exists(join(sandbox.directory, 'sandbox.json'))).toBe(true);
      expect((await readFile(join(sandbox.directory, 'config', 'postgresql.conf'), 'utf8')).length).toBeGreaterThan(
        100,
      );
      await verifyBackup(shop.tools, sandbox.dataDirectory, 'the sandbox', context);
    } finally {
      await removeSandbox(shop.tools, sandbox);
    }
  });
});
