import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { examine } from '../../src/doctor/doctor.js';
import { PromotedError, SourceNotReadyError } from '../../src/errors.js';
import { type Conninfo, formatConninfo, parseConninfo } from '../../src/postgres/conninfo.js';
import { type StepContext, standaloneContext } from '../../src/process/step-context.js';
import { listBackups } from '../../src/repository/repository.js';
import { takeBackup } from '../../src/repository/take-backup.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { DrillResult } from '../../src/schema/evidence.js';
import { type PostgresTools, toolPath } from '../../src/toolchain/postgres.js';
import { crashSource } from '../support/crash.js';
import { configure } from '../support/pgdrill-config.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { bothHosts, makeStandby, type Standby } from '../support/standby.js';
import { type RunningWorker, start, startWorker } from '../support/temporal.js';

// A primary and its streaming standby, from which backups are copied. The tests tell its story in order; at the end it takes over.
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
  change: { connection?: Conninfo; backupFrom?: Conninfo } = {},
  { tools = book.shop.tools, ...context }: Partial<StepContext> & { tools?: PostgresTools } = {},
): Promise<BackupRecord> {
  const { shop } = book;
  return await takeBackup(
    tools,
    {
      ...{ repository: shop.repository, connection: shop.patient.connection, backupFrom: standby.connection },
      ...{ type, mostLagMs: 500, ...change },
    },
    { ...standaloneContext(`standby/${++operations}`), ...context },
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
    await standby.sql(`select pg_wal_replay_pause()`);
    await book.shop.sql(`insert into orders values (4001)`);
    await refused(/is [\d.]+ k?B behind the primary after 0.5 s: it has replayed up to/);
    await standby.sql(`select pg_wal_replay_resume()`);
    await standby.caughtUp();
  });

  it('a standby that is promoted while it is copied: the next try may do better', async () => {
    const { shop } = book;
    const before = await listBackups(shop.repository);
    let promotion: Promise<void> | undefined;
    const progress: StepContext['progress'] = ({ doneBytes = 0 }) => {
      if (doneBytes > 0) promotion ??= standby.promote();
    };
    const failure = await backup('full', {}, { tools: await slowTools(), progress }).catch((error: unknown) => error);
    await promotion;
    expect(failure).toBeInstanceOf(PromotedError);
    expect(failure).toMatchObject({ retryable: true });
    expect((failure as Error).message).toMatch(/backup_from: host=.* was promoted in the middle of it/);
    expect(await listBackups(shop.repository)).toEqual(before);
    const names = await readdir(join(shop.repository.path, 'backups'));
    expect(names.filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('a standby that was promoted beside its primary', () =>
    refused(/is no standby \(not in recovery\): it was promoted/, { connection: connectionOfBoth() }));
});

it('a standby that has taken over is copied as the primary, beginning with a full', async () => {
  await crashSource(book.shop);
  const record = await backup('incremental', { connection: connectionOfBoth() });
  expect(record).toMatchObject({ type: 'full', requestedType: 'incremental', timeline: 2 });
  expect(record.fallbackReason).toMatch(/^the cluster was promoted since .* \(timeline 1 → 2\)/);
  expect(record).not.toHaveProperty('takenFrom');
  const patient = { ...book.shop.patient, connection: connectionOfBoth(), backupFrom: standby.connection };
  expect(await examine(patient, standaloneContext('doctor'))).toContainEqual(
    expect.objectContaining({
      ...{ name: 'backup_from', level: 'warning' },
      message: expect.stringContaining('was promoted and is the primary now') as string,
    }),
  );
});

const connectionOfBoth = (): Conninfo => parseConninfo(bothHosts(book.shop, standby));

/** Of which pg_basebackup takes many seconds. */
async function slowTools(): Promise<PostgresTools> {
  const { tools, scratch } = book.shop;
  const binDirectory = join(scratch, 'slow');
  await mkdir(binDirectory);
  const script = join(binDirectory, 'pg_basebackup');
  await writeFile(script, `#!/bin/sh\nexec ${toolPath(tools, 'pg_basebackup')} --max-rate=1M "$@"\n`);
  for (const path of [binDirectory, script]) await chmod(path, 0o755);
  return { ...tools, binDirectory };
}
