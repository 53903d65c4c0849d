import { readlink, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { makePrivateDirectory } from '../../src/files/durable.js';
import { keys, openRepository } from '../../src/repository/repository.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import { column, restoreTo } from '../restore/restore-support.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';

let shop: ProtectedCluster;
let chain: BackupRecord[];

beforeAll(async () => {
  shop = await protectCluster();
  const outside = join(shop.scratch, 'a place = "outside"');
  await makePrivateDirectory(outside);
  await shop.sql(`create tablespace "out side" location '${outside}'`);
  await shop.sql(`create table t tablespace "out side" as select i from generate_series(1, 1000) i`);
  chain = [await shop.backup('full')];
  await shop.sql(`insert into t select i from generate_series(1001, 2000) i`);
  chain.push(await shop.backup('incremental'));
  await shop.sql(`insert into t select i from generate_series(2001, 2500) i`);
  await shop.archive();
});
afterAll(() => shop.remove());

/** The same cluster, as a configuration on another host would have it. */
async function movedTo(path: string): Promise<ProtectedCluster> {
  const patient = { ...shop.patient, repository: path, walDirectory: join(path, 'wal') };
  return { ...shop, patient, repository: await openRepository(patient) };
}

it('restores from a copy of the repository at another place, though the first one is gone', async () => {
  const { path } = shop.repository;
  const elsewhere = join(shop.scratch, 'another host', 'repository');
  await makePrivateDirectory(join(elsewhere, '..'));
  await execa('cp', ['-a', path, elsewhere]);
  await rename(path, `${path}-gone`);
  const moved = await movedTo(elsewhere);
  const { sandbox, plan } = await restoreTo(moved, 'latest');
  try {
    expect(plan.chain.map(({ id }) => id)).toEqual(chain.map(({ id }) => id));
    expect(await column(sandbox, 'select count(*) from t')).toEqual(['2500']);
    expect(
      await column(sandbox, `select pg_tablespace_location(oid) from pg_tablespace where spcname = 'out side'`),
    ).toEqual([join(sandbox.directory, 'tablespaces', String(chain[0]!.tablespaces[0]!.oid))]);
  } finally {
    await removeSandbox(shop.tools, sandbox);
    await rename(`${path}-gone`, path);
  }
});

it('never reads the original beside which a copy lies', async () => {
  const copy = join(shop.scratch, 'copy');
  await execa('cp', ['-a', shop.repository.path, copy]);
  const moved = await movedTo(copy);
  const { sandbox } = await restoreTo(moved, 'immediate');
  try {
    for (const { id, tablespaces } of chain) {
      const [{ oid, directory }] = tablespaces as [BackupRecord['tablespaces'][number]];
      const link = (root: string): Promise<string> =>
        readlink(join(root, keys.backup(id), 'data/pg_tblspc', String(oid)));
      expect(await link(copy)).toBe(join(copy, keys.backup(id), directory));
      expect(await link(shop.repository.path)).toBe(join(shop.repository.path, keys.backup(id), directory));
    }
  } finally {
    await removeSandbox(shop.tools, sandbox);
  }
});

it('says what is missing where a tablespace was left behind', async () => {
  const copy = join(shop.scratch, 'incomplete');
  await execa('cp', ['-a', shop.repository.path, copy]);
  await rename(join(copy, keys.backup(chain[0]!.id), 'tablespaces'), join(shop.scratch, 'left-behind'));
  await expect(restoreTo(await movedTo(copy), 'latest')).rejects.toThrow(/has lost its tablespace "out side"/);
});
