import { readFile } from 'node:fs/promises';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { examine } from '../../src/doctor/doctor.js';
import { SourceNotReadyError } from '../../src/errors.js';
import { formatConninfo } from '../../src/postgres/conninfo.js';
import { standaloneContext } from '../../src/process/step-context.js';
import { listBackups } from '../../src/repository/repository.js';
import { takeBackup } from '../../src/repository/take-backup.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { DrillResult } from '../../src/schema/evidence.js';
import { configure } from '../support/pgdrill-config.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { makeStandby, type Standby } from '../support/standby.js';
import { type RunningWorker, start, startWorker } from '../support/temporal.js';

// A primary and its streaming standby, from which backups are copied. The tests tell its story in order; at the end it is promoted.
let book: Runbook;
let standby: Standby;
let loaded: LoadedConfiguration;
let worker: RunningWorker;
let operations = 0;

beforeAll(async () => {
  book = await startRunbook({ backups: [], protect: { settings: { log_replication_commands: 'on' } } });
  const { shop } = book;
  await shop.sql(`grant pg_checkpoint to pgdrill`);
  standby = await makeStandby(shop, { log_replication_commands: 'on' });
  loaded = await configure(shop, { cluster: `backup_from: ${formatConninfo(standby.connection)}` });
  worker = await startWorker(book.temporal, loaded);
});
afterAll(async () => {
  await worker.stop();
  await standby.remove();
  await book.close();
});

async function backup(
  type: BackupRecord['type'],
  change: { backupFrom?: Standby['connection'] } = {},
): Promise<BackupRecord> {
  const { shop } = book;
  return await takeBackup(
    shop.tools,
    {
      ...{ repository: shop.repository, connection: shop.patient.connection, backupFrom: standby.connection },
      ...{ type, mostLagMs: 500, ...change },
    },
    standaloneContext(`standby/${++operations}`),
  );
}

describe('a chain from a standby', () => {
  it('is what a drill restores and proves', async () => {
    const full = await backup('full');
    expect(full).toMatchObject({ type: 'full', takenFrom: 'standby', timeline: 1 });
    expect(await readFile(standby.cluster.logFile, 'utf8')).toContain(`LABEL 'pgdrill ${full.id}'`);
    expect(await readFile(book.shop.source.logFile, 'utf8')).not.toContain(full.id);
    await book.shop.sql(
      `insert into orders select generate_series(2001, 3000); update orders set id = -id where id < 50`,
    );
    const handle = await start(book.temporal, loaded, 'drill', { cluster: 'shop', backup: 'incremental' });
    const result = (await handle.result()) as DrillResult;
    expect(result.verdict).toBe('passed');
    expect(result.chain.map(({ type }) => type)).toEqual(['full', 'incremental']);
    const incremental = (await listBackups(book.shop.repository)).at(-1);
    expect(incremental).toMatchObject({ type: 'incremental', parent: full.id, takenFrom: 'standby' });
    expect(incremental).not.toHaveProperty('unsafe');
  });

  it('goes on though nothing was written, and goes on from the primary', async () => {
    const idle = await backup('incremental');
    expect(idle).toMatchObject({ type: 'incremental', takenFrom: 'standby' });
    const { shop } = book;
    const fromPrimary = await shop.backup('incremental');
    expect(fromPrimary).toMatchObject({ type: 'incremental', parent: idle.id });
    expect(fromPrimary).not.toHaveProperty('takenFrom');
    expect(await backup('differential')).toMatchObject({ type: 'differential', takenFrom: 'standby' });
  });
});

describe('the doctor', () => {
  const examined = async (name: string): Promise<{ level: string; message: string } | undefined> =>
    (await examine({ ...book.shop.patient, backupFrom: standby.connection }, standaloneContext('doctor'))).find(
      (finding) => finding.name === name,
    );
  afterEach(() => standby.cluster.restart());

  it('looks at the standby', async () => {
    expect(await examined('backup_from')).toMatchObject({
      level: 'ok',
      message: expect.stringContaining('is a standby of this cluster') as string,
    });
    await standby.cluster.restart({ summarize_wal: 'off' });
    expect(await examined('backup_from: summarize_wal')).toMatchObject({ level: 'error' });
    await expect(backup('incremental')).rejects.toThrow('summarize_wal is off');
  });
});

describe('refused, and nothing is left in the repository, is', () => {
  const refused = async (sentence: RegExp, change: Parameters<typeof backup>[1] = {}): Promise<void> => {
    const before = await listBackups(book.shop.repository);
    const failure = await backup('full', change).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SourceNotReadyError);
    expect((failure as Error).message).toMatch(sentence);
    expect(await listBackups(book.shop.repository)).toEqual(before);
  };

  it('the primary in the place of a standby', () =>
    refused(/is no standby \(not in recovery\)/, { backupFrom: book.shop.patient.connection }));

  it('a standby that lags', async () => {
    await standby.cutOff();
    await book.shop.sql(`insert into orders values (4001)`);
    await refused(/is [\d.]+ k?B behind the primary after 0.5 s: it has replayed up to/);
  });

  it('a standby that was promoted', async () => {
    await standby.promote();
    await refused(/is no standby \(not in recovery\): it was promoted/);
  });
});
