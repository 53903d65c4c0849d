import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import {
  newestEvidence,
  recordBackup,
  recordEvent,
  recordFailedBackup,
  recordRecovery,
} from '../../src/catalog/catalog.js';
import type { Connection } from '../../src/postgres/connection.js';
import type { Evidence } from '../../src/schema/evidence.js';
import { listRecoveries, rtoRpoMonitoring } from '../support/read-catalog.js';
import { backupRecord, evidence } from './fixtures.js';
import { startCatalog } from './start-catalog.js';

let catalog: Awaited<ReturnType<typeof startCatalog>>;
let client: Connection;

beforeAll(async () => {
  // Far from UTC, so that a time without a zone would show.
  catalog = await startCatalog({ timezone: 'Pacific/Chatham' });
  ({ client } = catalog);
});
afterAll(() => catalog.remove());
beforeEach(async () => {
  await client.query('truncate pgdrill.backup_history, pgdrill.recovery_history, pgdrill.monitoring_events');
});

async function backups(): Promise<unknown[]> {
  const { rows } = await client.query<Record<string, unknown>>(
    `select cluster, backup_id, backup_type, parent_id, timeline, start_lsn, end_lsn, backup_path,
       backup_size_bytes::float8, extract(epoch from finished_at - started_at)::float8 as seconds,
       duration_seconds::float8, status, reason, workflow_id
     from pgdrill.backup_history order by id`,
  );
  return rows;
}

describe('a backup', () => {
  const place = { path: '/r/shop/backups/x', workflowId: 'backup/shop' };

  it('is written once, however often its step is tried again', async () => {
    await recordBackup(client, backupRecord(), place);
    await recordBackup(client, backupRecord(), place);
    expect(await backups()).toEqual([
      {
        cluster: 'shop',
        backup_id: '20261122T020000Z-full',
        backup_type: 'full',
        parent_id: null,
        timeline: 1,
        start_lsn: '0/2000028',
        end_lsn: 'A/B2000158',
        backup_path: '/r/shop/backups/x',
        backup_size_bytes: 5_000_000_000_000,
        seconds: 90.5,
        duration_seconds: 90.5,
        status: 'completed',
        reason: null,
        workflow_id: 'backup/shop',
      },
    ]);
  });

  it('carries its parent, and the reason why it became another type', async () => {
    await recordBackup(client, backupRecord({ type: 'incremental', parent: 'p', operation: 'a' }), place);
    await recordBackup(
      client,
      backupRecord({ requestedType: 'incremental', fallbackReason: 'WAL summaries are gone', operation: 'b' }),
      place,
    );
    expect(await backups()).toMatchObject([
      { backup_type: 'incremental', parent_id: 'p', reason: null },
      { backup_type: 'full', parent_id: null, reason: 'WAL summaries are gone' },
    ]);
  });

  it('that failed and then succeeded is a success, and stays one', async () => {
    const { operation, startedAt, finishedAt } = backupRecord();
    const failed = { cluster: 'shop', type: 'full', startedAt, finishedAt, workflowId: 'w', operation } as const;
    await recordFailedBackup(client, { ...failed, reason: 'disk full' });
    await recordFailedBackup(client, { ...failed, reason: 'disk still full' });
    expect(await backups()).toMatchObject([{ status: 'failed', reason: 'disk still full', duration_seconds: 90.5 }]);
    await recordBackup(client, backupRecord(), place);
    await recordFailedBackup(client, { ...failed, reason: 'told too late' });
    expect(await backups()).toMatchObject([{ status: 'completed', reason: null, start_lsn: '0/2000028' }]);
  });
});

describe('a recovery', () => {
  it('says which failure was rehearsed, and the worst RPO since the drill before', async () => {
    const { rpo } = evidence('1');
    const worst = { seconds: 61.5, since: '2026-11-21T03:00:10.000Z', until: '2026-11-22T03:00:10.000Z', segments: 9 };
    await recordRecovery(client, evidence('1'));
    await recordRecovery(
      client,
      evidence('2', {
        scenario: { name: 'longest-chain', target: 'fence', why: 'it has 9 links' },
        rpo: rpo === undefined ? undefined : { ...rpo, worst },
      }),
    );
    const { rows } = await client.query(
      'select scenario, worst_rpo_seconds::float8 as worst from pgdrill.recovery_history order by run_id',
    );
    expect(rows).toEqual([
      { scenario: null, worst: null },
      { scenario: 'longest-chain', worst: 61.5 },
    ]);
  });

  it('is written once a run, with its figures and times in UTC', async () => {
    await recordRecovery(client, evidence('1'), { evidencePath: '/r/shop/evidence/1.json' });
    await recordRecovery(client, evidence('1'), { evidencePath: '/r/shop/evidence/1.json' });
    expect(await listRecoveries(client)).toEqual([
      {
        cluster: 'shop',
        kind: 'drill',
        recoveryType: 'fence',
        target: 'fence',
        targetTime: null,
        targetLsn: '0/5000060',
        startTime: '2026-11-22T03:00:00.000000Z',
        endTime: '2026-11-22T03:05:00.250000Z',
        durationSeconds: 300.25,
        status: 'completed',
        verdict: 'passed',
        rtoSeconds: 61.25,
        rtoToProvenSeconds: 120,
        rpoSeconds: 1.5,
        rpoBytes: 3_000_000_000,
        rpoTransactions: 42,
        evidencePath: '/r/shop/evidence/1.json',
        workflowId: 'drill/shop',
        runId: '1',
      },
    ]);
  });

  it('keeps what its target was, also where it was never resolved', async () => {
    const time = 'time=2026-11-22 04:00:00.123456+02';
    await recordRecovery(
      client,
      evidence('1', { target: { requested: time, settings: {}, timeline: 1 }, kind: 'recovery' }),
    );
    await recordRecovery(client, evidence('2', { target: undefined, input: { target: 'lsn=0/ABC' } }));
    await recordRecovery(client, evidence('3', { target: undefined, input: {} }));
    const rows = await listRecoveries(client);
    expect(rows.map((row) => [row.recoveryType, row.target, row.targetTime, row.targetLsn])).toEqual([
      ['unknown', 'unknown', null, null],
      ['lsn', 'lsn=0/ABC', null, '0/ABC'],
      ['time', time, '2026-11-22T02:00:00.123456Z', null],
    ]);
  });

  it('that never took writes failed; one that a human stopped was rejected', async () => {
    const stopped = { phases: [], waitedForHumansSeconds: 5 };
    const approval = {
      gate: 'promote',
      by: 'ann',
      reason: '',
      openedAt: '2026-11-22T03:00:00Z',
      decidedAt: '2026-11-22T03:01:00Z',
    } as const;
    await recordRecovery(client, evidence('1', { clock: stopped, rpo: undefined, verdict: 'failed' }));
    await recordRecovery(
      client,
      evidence('2', { clock: stopped, verdict: 'unproven', approvals: [{ ...approval, decision: 'rejected' }] }),
    );
    await recordRecovery(client, evidence('3', { approvals: [{ ...approval, decision: 'expired' }] }));
    await recordRecovery(client, evidence('4', { approvals: [{ ...approval, decision: 'approved' }] }));
    const rows = await listRecoveries(client);
    expect(rows.map(({ runId, status, rtoSeconds }) => [runId, status, rtoSeconds])).toEqual([
      ['4', 'completed', 61.25],
      ['3', 'rejected', 61.25],
      ['2', 'rejected', null],
      ['1', 'failed', null],
    ]);
    expect(rows.at(-1)).toMatchObject({ rpoSeconds: null, rpoBytes: null, rpoTransactions: null });
  });

  it('is known with the digest of its evidence, by repository', async () => {
    const place = (id: string, repository = '/r/shop') => ({
      evidencePath: `${repository}/evidence/${id}/evidence.json`,
    });
    const sealed = (id: string, day: number, sha256: string) =>
      evidence(id, { finishedAt: `2026-11-${day}T04:00:00.000Z`, sha256: sha256.repeat(64) });
    await recordRecovery(client, sealed('1', 20, 'a'), place('d1'));
    await recordRecovery(client, sealed('2', 21, 'b'), place('d2'));
    await recordRecovery(client, sealed('3', 22, 'c'), place('d3', '/r/shop-2'));
    await recordRecovery(client, evidence('4', { finishedAt: '2026-11-23T04:00:00.000Z' }), place('d4'));
    const newest = async (repositoryPath: string) => await newestEvidence(client, { cluster: 'shop', repositoryPath });
    expect(await newest('/r/shop')).toEqual({ id: 'd2', sha256: 'b'.repeat(64) });
    expect(await newest('/r/shop-2')).toMatchObject({ id: 'd3' });
    expect(await newest('/r')).toBeUndefined();
  });

  it('is listed newest first, by cluster, as many as are asked for', async () => {
    await recordRecovery(client, evidence('old', { startedAt: '2026-11-01T00:00:00.000Z' }));
    await recordRecovery(client, evidence('new', { startedAt: '2026-11-21T00:00:00.000Z' }));
    await recordRecovery(client, evidence('other', { cluster: 'erp' }));
    const ids = async (options: { cluster?: string; limit?: number }): Promise<string[]> =>
      (await listRecoveries(client, options)).map(({ runId }) => runId);
    expect(await ids({ cluster: 'shop' })).toEqual(['new', 'old']);
    expect(await ids({ cluster: 'shop', limit: 1 })).toEqual(['new']);
    expect(await ids({ cluster: 'nobody' })).toEqual([]);
  });
});

describe('v_rto_rpo_monitoring', () => {
  const drill = (
    runId: string,
    rto: number | undefined,
    rpo: number | undefined,
    more: Partial<Evidence> = {},
  ): Evidence => {
    const base = evidence(runId);
    return evidence(runId, {
      clock: { phases: [], waitedForHumansSeconds: 0, ...(rto === undefined ? {} : { rtoSeconds: rto }) },
      rpo: rpo === undefined || base.rpo === undefined ? undefined : { ...base.rpo, seconds: rpo },
      ...more,
    });
  };

  it('gives the figures that a hand computes, per cluster and kind of target', async () => {
    const latest = { target: { requested: 'latest', settings: {}, timeline: 1 } };
    for (const one of [
      drill('1', 10, 0),
      drill('2', 20, 1),
      drill('3', 30, 2, { verdict: 'failed' }),
      drill('4', 60, undefined),
      // Never took writes: not among the figures.
      drill('5', undefined, 99),
      drill('6', 7, 3, latest),
      drill('7', 9, 4, { cluster: 'erp' }),
    ]) {
      await recordRecovery(client, one);
    }
    const rows = await rtoRpoMonitoring(client);
    expect(rows.map(({ cluster: name, recoveryType }) => [name, recoveryType])).toEqual([
      ['erp', 'fence'],
      ['shop', 'fence'],
      ['shop', 'latest'],
    ]);
    const shop = rows[1]!;
    expect(shop).toMatchObject({ recoveryCount: 4, passedCount: 3, lastEndTime: '2026-11-22T03:05:00.250000Z' });
    // The 95th percentile lies at index 0.95 × (n − 1), between the last two: 30 + 0.85 × 30, and 1 + 0.9 × 1.
    expect(shop.rtoSeconds).toMatchObject({ avg: 30, min: 10, max: 60 });
    expect(shop.rtoSeconds.p95).toBeCloseTo(55.5, 9);
    expect(shop.rpoSeconds).toMatchObject({ avg: 1, min: 0, max: 2 });
    expect(shop.rpoSeconds.p95).toBeCloseTo(1.9, 9);
    expect((await rtoRpoMonitoring(client, 'erp')).map((row) => row.rtoSeconds)).toEqual([
      { avg: 9, min: 9, max: 9, p95: 9 },
    ]);
  });
});

it('an event is written once, as it was first told', async () => {
  const event = {
    cluster: 'shop',
    at: '2026-11-22T03:00:00.000Z',
    severity: 'warning',
    kind: 'rpo_missed',
    message: '12 transactions would have been lost',
    figures: { seconds: 3.5, transactions: 12 },
    operation: 'drill/shop/1/recordObjectives/rpo',
  } as const;
  await recordEvent(client, event);
  await recordEvent(client, { ...event, message: 'again' });
  const { rows } = await client.query(
    `select cluster, at, severity, kind, message, figures from pgdrill.monitoring_events`,
  );
  const { cluster: name, severity, kind, message, figures } = event;
  expect(rows).toEqual([{ cluster: name, at: new Date(event.at), severity, kind, message, figures }]);
});
