import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { DiskFullError, RepositoryError, SourceNotReadyError } from '../../src/errors.js';
import { compareLsn } from '../../src/postgres/lsn.js';
import { readControlData } from '../../src/postgres/controldata.js';
import { startTimeOf } from '../../src/process/process-identity.js';
import { runTool } from '../../src/process/run-tool.js';
import { serverUser } from '../../src/process/server-user.js';
import { standaloneContext } from '../../src/process/step-context.js';
import { keys, listBackups, openOrCreateRepository, openRepository } from '../../src/repository/repository.js';
import { takeBackup } from '../../src/repository/take-backup.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import { toolPath } from '../../src/toolchain/postgres.js';
import { startTestCluster } from '../support/cluster.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';

let shop: ProtectedCluster;
let tmpfs: string | undefined;

beforeAll(async () => {
  shop = await protectCluster({ settings: { max_wal_senders: '12', wal_summary_keep_time: '0' } });
  await shop.sql(`create table t as select i, repeat('x', 200) as filler from generate_series(1, 3000) i`);
});
afterAll(async () => {
  if (tmpfs !== undefined) execFileSync('umount', [tmpfs]);
  await shop.remove();
});

const stagedNames = async (): Promise<string[]> =>
  (await readdir(join(shop.repository.path, keys.backups))).filter((name) => name.includes('.partial-'));

/** Changes a record as if the past had been another one. */
async function rewrite(record: BackupRecord, change: Partial<BackupRecord>): Promise<void> {
  await writeFile(join(shop.repository.path, keys.record(record.id)), JSON.stringify({ ...record, ...change }));
}

describe('a full backup', () => {
  it('records what the manifest and the cluster itself say', async () => {
    const control = await readControlData(shop.tools, shop.source.dataDirectory);
    const record = await shop.backup('full');
    const manifest = JSON.parse(
      await readFile(join(shop.repository.path, keys.backup(record.id), 'data/backup_manifest'), 'utf8'),
    ) as { 'WAL-Ranges': { Timeline: number; 'Start-LSN': string; 'End-LSN': string }[]; Files: { Size: number }[] };
    expect(record).toMatchObject({
      type: 'full',
      requestedType: 'full',
      cluster: 'shop',
      systemIdentifier: control.systemIdentifier,
      timeline: control.timeline,
      startLsn: manifest['WAL-Ranges'][0]!['Start-LSN'],
      endLsn: manifest['WAL-Ranges'][0]!['End-LSN'],
      sizeBytes: manifest.Files.reduce((sum, { Size }) => sum + Size, 0),
      walSegmentSizeBytes: control.walSegmentSizeBytes,
      dataChecksums: control.dataChecksums,
      serverVersion: shop.tools.version,
      superuser: 'postgres',
      tablespaces: [],
    });
    expect(record.settings).toMatchObject({
      summarize_wal: 'on',
      archive_library: 'basic_archive',
      archive_mode: 'on',
    });
    expect(record).not.toHaveProperty('parent');
    expect(record).not.toHaveProperty('fallbackReason');
    const copied = await readControlData(shop.tools, join(shop.repository.path, keys.backup(record.id), 'data'));
    expect(copied.systemIdentifier).toBe(control.systemIdentifier);
    expect(compareLsn(copied.redoLsn, record.startLsn)).toBeGreaterThanOrEqual(0);
    expect(await listBackups(shop.repository)).toEqual([record]);
  });

  it('is found again by a retry, and not taken twice', async () => {
    const record = await shop.backup('full', 'wf/retried');
    expect(await shop.backup('full', 'wf/retried')).toEqual(record);
    expect(await stagedNames()).toEqual([]);
  });

  it('that is cancelled leaves nothing, neither files nor processes', async () => {
    const before = await readdir(join(shop.repository.path, keys.backups));
    const cancel = new AbortController();
    const reason = new Error('cancelled by a person');
    const running = takeBackup(
      shop.tools,
      { repository: shop.repository, connection: shop.patient.connection, type: 'full' },
      {
        ...standaloneContext('wf/cancelled'),
        signal: cancel.signal,
        progress: () => cancel.abort(reason),
      },
    );
    await expect(running).rejects.toBe(reason);
    expect(await readdir(join(shop.repository.path, keys.backups))).toEqual(before);
    await expect.poll(() => shop.sql(`select pid from pg_stat_replication`)).toEqual([]);
  });

  it('reaps the pg_basebackup of a killed worker and removes what it had written', async () => {
    const staged = join(shop.repository.path, keys.backups, '20260101T000000Z-full.partial-1');
    await runTool({ file: '/bin/mkdir', args: ['-m', '700', staged] });
    const orphan = runTool({
      file: toolPath(shop.tools, 'pg_basebackup'),
      // Slow on purpose: this one is still at it when the next attempt comes.
      args: [
        '-d',
        shop.source.conninfo({ user: 'pgdrill' }),
        '-D',
        join(staged, 'data'),
        '--max-rate=32k',
        '--checkpoint=fast',
      ],
      lock: { path: `${staged}.lock`, operation: 'wf/killed', attempt: 1 },
    });
    orphan.catch(() => undefined);
    await expect
      .poll(() => existsSync(join(staged, 'data/backup_label')) && existsSync(`${staged}.lock`), { timeout: 20_000 })
      .toBe(true);
    const { pid } = JSON.parse(await readFile(`${staged}.lock`, 'utf8')) as { pid: number };
    await shop.backup('full');
    expect(startTimeOf(pid)).toBeUndefined();
    expect(await stagedNames()).toEqual([]);
    await expect(orphan).rejects.toThrow();
  });
});

describe('an incremental backup', () => {
  it('builds on the newest one', async () => {
    const parent = await shop.backup('full');
    await shop.sql(`update t set filler = 'changed' where i < 50`);
    const first = await shop.backup('incremental');
    const second = await shop.backup('incremental');
    expect(first).toMatchObject({ type: 'incremental', requestedType: 'incremental', parent: parent.id });
    expect(second.parent).toBe(first.id);
    expect(first.sizeBytes).toBeLessThan(parent.sizeBytes / 2);
    expect(compareLsn(first.startLsn, parent.startLsn)).toBeGreaterThan(0);
    // What the combined chain will be, not what the incremental itself holds.
    expect(second.restoredBytes).toBeGreaterThan(parent.sizeBytes * 0.9);
  });

  it('is a full one where the policy wants the chain no longer, or no heavier', async () => {
    const parent = await shop.backup('full');
    expect((await shop.backup('incremental', undefined, { maxLength: 2, maxShare: 1 })).parent).toBe(parent.id);
    const long = await shop.backup('incremental', undefined, { maxLength: 2, maxShare: 1 });
    expect(long).toMatchObject({ type: 'full', requestedType: 'incremental' });
    expect(long.fallbackReason).toContain(`the chain of ${parent.id} has 2 backups, and chain.max_length is 2`);
    await shop.backup('incremental');
    const heavy = await shop.backup('incremental', undefined, { maxLength: 50, maxShare: 0.01 });
    expect(heavy.fallbackReason).toMatch(
      /have [\d.]+ MB together, [\d.]+ times that full one, and chain.max_share is 0.01/,
    );
  });

  it('is a full one where the parent is older than the source keeps WAL summaries', async () => {
    const parent = await shop.backup('full');
    await rewrite(parent, { startedAt: new Date(Date.now() - 2 * 3_600_000).toISOString() });
    await shop.source.restart({ wal_summary_keep_time: '1h' });
    const record = await shop.backup('incremental');
    await shop.source.restart();
    expect(record.fallbackReason).toBe(
      `${parent.id} is older than the source keeps WAL summaries (wal_summary_keep_time is 1h)`,
    );
  });

  it.each([
    [
      'the server was upgraded',
      { serverVersionNumber: 170001, serverVersion: '17.1' },
      'the server was upgraded since',
    ],
    ['checksums were switched', { dataChecksums: true }, 'data checksums were switched since'],
  ])('is a full one where %s, and says so', async (_, past, reason) => {
    const parent = await shop.backup('full');
    await rewrite(parent, past);
    const record = await shop.backup('incremental');
    expect(record).toMatchObject({ type: 'full', requestedType: 'incremental' });
    expect(record.fallbackReason).toContain(`${reason} ${parent.id}`);
    expect(record).not.toHaveProperty('parent');
  });

  it('builds on an older one where the newest has lost its parent', async () => {
    const older = await shop.backup('full');
    const parent = await shop.backup('full');
    const broken = await shop.backup('incremental');
    await rewrite(broken, { parent: `${parent.id}-gone` });
    await rewrite(parent, { formatVersion: 1 });
    const record = await shop.backup('incremental');
    expect([older.id, parent.id]).toContain(record.parent);
  });

  it('is a full one where WAL summaries are missing, with the server’s own words', async () => {
    await shop.backup('full');
    // As if they had been removed by wal_summary_keep_time; the summarizer does not make them again.
    await shop.sql(`checkpoint; select pg_switch_wal(); insert into t values (0, 'more'); checkpoint`);
    await shop.source.stop();
    const summaries = join(shop.source.dataDirectory, 'pg_wal/summaries');
    for (const name of await readdir(summaries)) await runTool({ file: '/bin/rm', args: [join(summaries, name)] });
    const wal = (await readdir(join(shop.source.dataDirectory, 'pg_wal'))).filter((name) =>
      /^[0-9A-F]{24}$/.test(name),
    );
    expect(wal.length).toBeGreaterThan(0);
    await shop.source.start({ summarize_wal: 'off' });
    await shop.sql(
      `insert into t values (0, 'while off'); select pg_switch_wal(); checkpoint; select pg_switch_wal(); checkpoint`,
    );
    await shop.source.restart({ summarize_wal: 'on' });
    const record = await shop.backup('incremental');
    expect(record).toMatchObject({ type: 'full', requestedType: 'incremental' });
    // pgdrill's own words where the summaries of the time since are there already, else the server's.
    expect(record.fallbackReason).toMatch(
      /the source has no WAL summaries from .* any more|WAL summaries are required on timeline 1 from/,
    );
    expect(await stagedNames()).toEqual([]);
  });

  it('is refused, with what to do, where summarize_wal is off', async () => {
    await shop.source.restart({ summarize_wal: 'off' });
    const before = await readdir(join(shop.repository.path, keys.backups));
    const refused = shop.backup('incremental');
    await expect(refused).rejects.toThrow(SourceNotReadyError);
    await expect(refused).rejects.toThrow('alter system set summarize_wal = on');
    expect(await readdir(join(shop.repository.path, keys.backups))).toEqual(before);
    await shop.source.restart();
  });
});

describe('a differential backup', () => {
  it('builds on the newest full one, whatever was taken since, and holds all that changed', async () => {
    const full = await shop.backup('full');
    await shop.sql(`update t set filler = 'first' where i < 50`);
    await shop.backup('incremental');
    const differential = await shop.backup('differential');
    expect(differential).toMatchObject({ type: 'differential', requestedType: 'differential', parent: full.id });
    expect(differential).not.toHaveProperty('unsafe');
    const next = await shop.backup('incremental');
    expect(next.parent).toBe(differential.id);
    expect((await shop.backup('differential')).parent).toBe(full.id);
  });
});

describe('the first incremental', () => {
  it('is a full one', async () => {
    const empty = {
      ...shop.patient,
      repository: join(shop.scratch, 'empty'),
      walDirectory: join(shop.scratch, 'empty/wal'),
    };
    const record = await takeBackup(
      shop.tools,
      { repository: await openOrCreateRepository(empty), connection: empty.connection, type: 'incremental' },
      standaloneContext('first'),
    );
    expect(record).toMatchObject({ type: 'full', fallbackReason: 'there is no backup to build on' });
  });
});

describe('a repository', () => {
  it('takes no backups of another cluster', async () => {
    const other = await startTestCluster(shop.scratch, { name: 'other', ownIdentity: true });
    try {
      const before = await readdir(join(shop.repository.path, keys.backups));
      const foreign = takeBackup(
        shop.tools,
        {
          repository: await openRepository(shop.patient),
          connection: { host: other.directory, user: 'postgres', dbname: 'postgres' },
          type: 'full',
        },
        standaloneContext('foreign'),
      );
      await expect(foreign).rejects.toThrow(RepositoryError);
      await expect(foreign).rejects.toThrow(/has system identifier \d+, but the backups in .* are of \d+/);
      expect(await readdir(join(shop.repository.path, keys.backups))).toEqual(before);
    } finally {
      await other.remove();
    }
  });

  it('of another name, or of a newer pgdrill, is not opened', async () => {
    await expect(openRepository({ ...shop.patient, name: 'other' })).rejects.toThrow('belongs to cluster "shop"');
    await expect(openRepository({ ...shop.patient, repository: join(shop.scratch, 'nowhere') })).rejects.toThrow(
      'There is no pgdrill repository in',
    );
    const newer = join(shop.scratch, 'newer');
    await mkdir(newer);
    await writeFile(join(newer, 'pgdrill.json'), '{"formatVersion": 99, "cluster": "shop"}');
    await expect(openRepository({ name: 'shop', repository: newer })).rejects.toThrow('has format version 99');
  });

  it('on a full disk says so and is left as it was', async (test) => {
    tmpfs = await smallDisk(join(shop.scratch, 'small'));
    if (tmpfs === undefined) {
      test.skip('only root may mount a small disk');
      return;
    }
    const patient = {
      ...shop.patient,
      repository: join(tmpfs, 'repository'),
      walDirectory: join(shop.scratch, 'small-wal'),
    };
    const repository = await openOrCreateRepository(patient);
    const full = takeBackup(
      shop.tools,
      { repository, connection: patient.connection, type: 'full' },
      standaloneContext('full disk'),
    );
    await expect(full).rejects.toThrow(DiskFullError);
    await expect(full).rejects.toThrow(tmpfs);
    expect(await readdir(join(patient.repository, keys.backups))).toEqual([]);
    expect((await readdir(patient.repository)).sort()).toEqual(['README.txt', 'backups', 'pgdrill.json']);
  });
});

/** A disk of 12 MB, smaller than any cluster; undefined where we may not mount one. */
async function smallDisk(path: string): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  await mkdir(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'pgdrill-test', path], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const user = serverUser();
  if (user !== undefined) await chown(path, user.uid, user.gid);
  return path;
}
