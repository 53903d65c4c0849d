import { existsSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { RepositoryError } from '../../src/errors.js';
import { readControlData } from '../../src/postgres/controldata.js';
import { lsnToBigInt } from '../../src/postgres/lsn.js';
import { segmentName, segmentNumberOf } from '../../src/postgres/wal-segment.js';
import { keys } from '../../src/repository/repository.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { column, flipByte, listing, planTo, prepare, restoreTo, sandboxFor } from './restore-support.js';

let shop: ProtectedCluster;
let full: BackupRecord;
let incremental: BackupRecord;
let tableFile: string;
/** The archived segments behind the incremental, in order. */
let segments: string[];
let untouched: Record<string, string>;
/** Takes the damage back. */
let mend: (() => Promise<void>) | undefined;

const wal = (name: string): string => join(shop.patient.walDirectory, name);
const dataOf = (backup: BackupRecord): string => join(shop.repository.path, keys.backup(backup.id), 'data');

beforeAll(async () => {
  shop = await protectCluster();
  await shop.sql(`create table t as select i, repeat('x', 100) as filler from generate_series(1, 2000) i`);
  const [{ path } = { path: '' }] = await shop.sql<{ path: string }>(`select pg_relation_filepath('t') as path`);
  tableFile = path;
  full = await shop.backup('full');
  await shop.sql(`update t set filler = 'y' where i < 100`);
  incremental = await shop.backup('incremental');
  const before = await readdir(shop.patient.walDirectory);
  for (const round of [1, 2, 3]) {
    await shop.sql(`insert into t select i, 'round ${round}' from generate_series(1, 1000) i`);
    await shop.archive();
  }
  segments = (await readdir(shop.patient.walDirectory))
    .filter((name) => /^[0-9A-F]{24}$/.test(name) && !before.includes(name))
    .sort();
});
afterAll(() => shop.remove());
beforeEach(async () => {
  untouched = await listing(shop.repository.path);
});
afterEach(async () => {
  await mend?.();
  mend = undefined;
  // Neither the failure nor what it left has touched the repository, and no sandbox stays.
  expect(await listing(shop.repository.path)).toEqual(untouched);
  expect(await readdir(shop.patient.sandboxDirectory)).toEqual([]);
});

async function hide(path: string): Promise<void> {
  await rename(path, `${path}.hidden`);
  mend = () => rename(`${path}.hidden`, path);
}

/** The restore, expected to fail before any server runs. */
async function refusal(target = 'latest'): Promise<Error> {
  try {
    const { sandbox } = await restoreTo(shop, target);
    await removeSandbox(shop.tools, sandbox);
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was restored');
}

describe('a damaged backup is refused by name:', () => {
  it('a flipped byte in a table of the full backup', async () => {
    mend = await flipByte(join(dataOf(full), tableFile), 20_000);
    const error = await refusal();
    expect(error).toBeInstanceOf(RepositoryError);
    expect(error.message).toContain(`Backup ${full.id} does not match its manifest`);
    expect(error.message).toContain(tableFile);
  });

  it('a flipped byte in a file of the incremental', async () => {
    mend = await flipByte(join(dataOf(incremental), 'global/pg_control'), 100);
    const error = await refusal();
    expect(error).toBeInstanceOf(RepositoryError);
    expect(error.message).toContain(`Backup ${incremental.id} does not match its manifest`);
    expect(error.message).toContain('global/pg_control');
  });

  it('a flipped byte in the manifest', async () => {
    mend = await flipByte(join(dataOf(full), 'backup_manifest'), 500);
    const error = await refusal();
    expect(error).toBeInstanceOf(RepositoryError);
    expect(error.message).toContain(full.id);
    expect(error.message).toContain('manifest');
  });

  it('a flipped byte in the WAL that the backup brought along', async () => {
    const [name = ''] = (await readdir(join(dataOf(incremental), 'pg_wal'))).filter((each) =>
      /^[0-9A-F]{24}$/.test(each),
    );
    mend = await flipByte(join(dataOf(incremental), 'pg_wal', name), 100);
    const error = await refusal();
    expect(error).toBeInstanceOf(RepositoryError);
    expect(error.message).toContain(incremental.id);
    expect(error.message).toContain('WAL');
  });

  it('a file that is gone', async () => {
    await hide(join(dataOf(full), tableFile));
    const error = await refusal();
    expect(error).toBeInstanceOf(RepositoryError);
    expect(error.message).toContain(`"${tableFile}" is present in the manifest but not on disk`);
  });

  it('a record that is no record', async () => {
    mend = await flipByte(join(shop.repository.path, keys.record(full.id)), 0);
    const error = await refusal();
    expect(error).toBeInstanceOf(RepositoryError);
    expect(error.message).toContain(`The record of backup ${full.id} is damaged`);
  });

  it('a parent that is gone', async () => {
    await hide(join(shop.repository.path, keys.backup(full.id), 'record.json'));
    const error = await refusal();
    expect(error).toBeInstanceOf(RepositoryError);
    expect(error.message).toContain(`Backup ${full.id}, which ${incremental.id} builds on, is not in the repository`);
  });
});

describe('damaged WAL is refused before anything is restored:', () => {
  it('a segment that is missing in the middle', async () => {
    await hide(wal(segments[1]!));
    const error = await refusal(
      `lsn=${(await shop.sql<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn'))[0]!.lsn}`,
    );
    expect(error).toBeInstanceOf(RepositoryError);
    expect(error.message).toContain(`WAL segment ${segments[1]!} is missing in ${shop.patient.walDirectory}`);
  });

  it('a missing segment does not stop a target before it', async () => {
    await hide(wal(segments[2]!));
    const { target, wal: needed } = await planTo(shop, 'latest');
    expect(target.settings['recovery_target_lsn']).toBeDefined();
    expect(parseInt(needed.to.split('/')[1]!, 16)).toBeLessThan(parseInt(segments[2]!.slice(-2), 16) * 2 ** 24);
  });

  it('everything behind the backup missing: latest is what the backup itself holds', async () => {
    for (const name of segments) await rename(wal(name), wal(`${name}.hidden`));
    mend = async () => {
      for (const name of segments) await rename(wal(`${name}.hidden`), wal(name));
    };
    const { sandbox } = await restoreTo(shop, 'latest');
    const rows = await column(sandbox, 'select count(*) from t');
    await removeSandbox(shop.tools, sandbox);
    expect(rows).toEqual(['2000']);
  });

  it.each([
    ['the first', 0],
    ['the middle', 1],
    ['the last', 2],
  ])('a flipped byte in %s segment', async (_, index) => {
    mend = await flipByte(wal(segments[index]!), 20_000);
    const error = await refusal();
    expect(error).toBeInstanceOf(RepositoryError);
    expect(error.message).toMatch(/The WAL from .* cannot be read: .*error in WAL record at/s);
    expect(error.message).toContain(`(in segment ${segments[index]!})`);
  });
});

it('a flipped byte in the very first record behind the backup is not taken for the end of WAL', async () => {
  const size = 16 * 1024 * 1024;
  const number = segmentNumberOf(incremental.endLsn, size);
  // A record begins there, or behind the header of the segment's first page.
  const begins = Math.max(Number(lsnToBigInt(incremental.endLsn) % BigInt(size)), 40);
  const putBack = await flipByte(wal(segmentName({ timeline: 1, number }, size)), begins + 9);
  // It is all that the archive holds: nothing later tells that there was more.
  for (const name of segments) await rename(wal(name), wal(`${name}.hidden`));
  mend = async () => {
    await putBack();
    for (const name of segments) await rename(wal(`${name}.hidden`), wal(name));
  };
  const error = await refusal();
  expect(error).toBeInstanceOf(RepositoryError);
  expect(error.message).toContain(`there is no valid record from ${incremental.endLsn} on`);
});

describe('a broken newest chain', () => {
  it('leaves an older one to restore from, with a warning', async () => {
    const other = await shop.backup('full');
    const next = await shop.backup('incremental');
    await shop.archive();
    untouched = await listing(shop.repository.path);
    await hide(join(shop.repository.path, keys.record(other.id)));
    const plan = await planTo(shop, 'latest');
    expect(plan.chain.map(({ id }) => id)).toEqual([full.id, incremental.id]);
    expect(plan.warnings.join()).toContain(`Backup ${other.id}, which ${next.id} builds on, is not in the repository`);
  });
});

it('leaves the source running and as it was', async () => {
  expect((await readControlData(shop.tools, shop.source.dataDirectory)).clusterState).toBe('in production');
  expect(await shop.sql('select count(*)::int as rows from t')).toEqual([{ rows: 5000 }]);
  const plan = await planTo(shop, 'latest');
  const sandbox = sandboxFor(shop, plan);
  await prepare(shop, plan, sandbox);
  await removeSandbox(shop.tools, sandbox);
  expect(existsSync(sandbox.directory)).toBe(false);
});
