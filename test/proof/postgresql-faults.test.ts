import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ApplicationFailure, WorkflowFailedError } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { writeFileDurably } from '../../src/files/durable.js';
import { keys } from '../../src/repository/repository.js';
import { type BackupRecord, backupRecordSchema } from '../../src/schema/backup-record.js';
import type { DrillResult } from '../../src/schema/evidence.js';
import { leftovers } from '../support/leftovers.js';
import { configure } from '../support/pgdrill-config.js';
import { type Fault, faultsOf } from '../support/postgresql-faults.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { type RunningWorker, start, startTestTemporal, startWorker, type TestTemporal } from '../support/temporal.js';

/**
 * Each of PostgreSQL's own faults through whole drills: with the guard switched off the proof has to see it; with the guard the
 * restore goes through the parent and the WAL, and every row is right. What a stock restore makes of the same faults is in
 * test/repository/link-safety-faults.test.ts.
 */

let temporal: TestTemporal;

beforeAll(async () => {
  temporal = await startTestTemporal();
});
afterAll(async () => {
  await temporal.stop();
});

describe.each([
  { major: 17, bare: false, kind: 'with checksums' },
  { major: 17, bare: true, kind: 'without checksums' },
  { major: 18, bare: false, kind: 'with checksums' },
  { major: 18, bare: true, kind: 'without checksums' },
] as const)('PostgreSQL $major $kind', ({ major, bare }) => {
  let shop: ProtectedCluster;
  let loaded: LoadedConfiguration;
  let worker: RunningWorker;

  beforeAll(async () => {
    const noChecksums = major === 18 ? ['--no-data-checksums'] : [];
    shop = await protectCluster({
      // In memory, files are listed in an order that strikes all tables: more than are looked at row by row.
      where: 'on disk',
      major,
      // It is the tests that say when a table is truncated.
      settings: { autovacuum: 'off' },
      initdbArgs: bare ? noChecksums : ['--data-checksums'],
    });
    loaded = await configure(shop);
    worker = await startWorker(temporal, loaded);
  });
  afterAll(async () => {
    await worker.stop();
    await shop.remove();
  });
  afterEach(async () => {
    expect(await leftovers(shop)).toEqual([]);
  });

  it.each(faultsOf({ bare }).map((fault) => [fault.name, fault] as const))(
    '%s: the guard keeps the backup from use; without the guard the drill fails, or the restore mends it',
    async (_name, fault) => {
      const chain = await chainWith(shop, fault);
      const last = chain.at(-1)!;
      expect(chain.map(({ type }) => type)).toEqual(['full', ...fault.links.map(() => 'incremental')]);
      expect(last.unsafe?.join(' ')).toMatch(fault.reason);
      await fault.after?.(shop);

      // The source is read for the first time by this drill, after its fence.
      await rewriteRecord(shop, last.id, (record) => ({ ...record, unsafe: undefined }));
      const unguarded = await drill(temporal, loaded);
      expect(unguarded.chain.map(({ id }) => id)).toEqual(chain.map(({ id }) => id));
      if (fault.seenBy === 'mending') expectMended(unguarded, fault);
      else expectSeen(unguarded, fault, fault.seenBy);

      await rewriteRecord(shop, last.id, (record) => ({ ...record, unsafe: last.unsafe }));
      const guarded = await drill(temporal, loaded);
      expect(guarded.chain.map(({ id }) => id)).toEqual(chain.slice(0, -1).map(({ id }) => id));
      expect(guarded.checks.filter(({ status }) => status !== 'passed')).toEqual([]);
      expect(guarded.verdict).toBe('passed');

      const next = await shop.backup('incremental');
      expect(next).toMatchObject({ type: 'full', requestedType: 'incremental' });
      expect(next.fallbackReason).toContain(
        fault.acrossPromotion === true ? 'was promoted since' : `${last.id} was found unsafe`,
      );
    },
  );
});

function expectSeen(drilled: DrillResult, fault: Fault, seenBy: { check: string; detail: RegExp }): void {
  const check = drilled.checks.find(({ name }) => name === seenBy.check);
  expect({ verdict: drilled.verdict, status: check?.status }).toEqual({ verdict: 'failed', status: 'failed' });
  const wrong = check!.problems.map(({ object }) => object.replace('postgres.public.', ''));
  expect(fault.tables).toEqual(expect.arrayContaining(wrong));
  expect(wrong.length).toBeGreaterThanOrEqual(fault.every ? fault.tables.length : 1);
  for (const { detail } of check!.problems) expect(detail).toMatch(seenBy.detail);
  expect(drilled.reasons.join(' ')).toContain(`postgres.public.${wrong[0]!}`);
}

function expectMended(drilled: DrillResult, fault: Fault): void {
  expect(drilled.checks.filter(({ status }) => status !== 'passed')).toEqual([]);
  expect(drilled.verdict).toBe('passed');
  for (const table of fault.tables) {
    expect(drilled.warnings).toContainEqual(
      expect.stringMatching(new RegExp(`visibility map.*public\\.${table}|public\\.${table}.*visibility map`, 's')),
    );
  }
}

/** Takes the chain with pgdrill; a fault that strikes by luck is made again until it has struck. */
async function chainWith(shop: ProtectedCluster, fault: Fault): Promise<BackupRecord[]> {
  for (let tries = 1; ; tries += 1) {
    await fault.prepare(shop);
    const chain = [await shop.backup('full')];
    for (const link of fault.links) {
      await link(shop);
      chain.push(fault.acrossPromotion === true ? await takeAcross(shop, chain) : await shop.backup('incremental'));
    }
    if (chain.at(-1)?.unsafe !== undefined || fault.byLuck !== true || tries === 6) return chain;
  }
}

/**
 * After a promotion pgdrill takes a full and nothing else. So that it takes the incremental that the server would give anybody, the
 * parent is said to be of the new timeline, and the summaries are hidden from it, for as long as that takes. What it says of a promotion
 * that it can see is in test/repository/link-safety-faults.test.ts.
 */
async function takeAcross(shop: ProtectedCluster, chain: readonly BackupRecord[]): Promise<BackupRecord> {
  const { id, timeline } = chain.at(-1)!;
  await rewriteRecord(shop, id, (record) => ({ ...record, timeline: timeline + 1 }));
  await shop.sql('revoke execute on function pg_available_wal_summaries() from public, pg_monitor, pgdrill');
  try {
    return await shop.backup('incremental');
  } finally {
    await shop.sql('grant execute on function pg_available_wal_summaries() to pg_monitor');
    await rewriteRecord(shop, id, (record) => ({ ...record, timeline }));
  }
}

async function rewriteRecord(
  shop: ProtectedCluster,
  id: string,
  change: (record: BackupRecord) => BackupRecord,
): Promise<void> {
  const path = join(shop.repository.path, keys.record(id));
  const record = backupRecordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  await writeFileDurably(path, JSON.stringify(change(record)));
}

/** A whole drill; one whose verdict is `failed` fails as a workflow, and carries its result. */
async function drill(server: TestTemporal, loaded: LoadedConfiguration): Promise<DrillResult> {
  const handle = await start(server, loaded, 'drill', { cluster: 'shop' });
  try {
    return (await handle.result()) as DrillResult;
  } catch (error) {
    const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
    const [details] = cause instanceof ApplicationFailure ? (cause.details ?? []) : [];
    if (!(cause instanceof ApplicationFailure) || cause.type !== 'DrillFailed') throw error;
    return (details as { result: DrillResult }).result;
  }
}
