import { readFile, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { clusterFingerprintSchema } from '../../src/proof/fingerprint-schema.js';
import { listRecordedFences } from '../../src/repository/recorded-fences.js';
import { type DrillResult, type Evidence, evidenceSchema } from '../../src/schema/evidence.js';
import type { DrillInput } from '../../src/schema/workflow-inputs.js';
import { leftovers } from '../support/leftovers.js';
import { promoteInPlace } from '../support/promote.js';
import { type Runbook, startRunbook } from '../support/runbook.js';

// One repository, drilled in every scenario: what an earlier drill recorded is what a later one compares with.
let book: Runbook;
beforeAll(async () => {
  book = await startRunbook({
    backups: ['full', 'incremental'],
    worker: true,
    cluster: 'sandbox: { settings: { shared_buffers: 16MB } }',
  });
});
afterAll(() => book.close());
afterEach(async () => {
  expect(await leftovers(book.shop)).toEqual([]);
});

const drill = async (input: Omit<DrillInput, 'cluster'>): Promise<DrillResult> =>
  (await (await book.start('drill', { cluster: 'shop', ...input })).result()) as DrillResult;

async function evidenceOf({ evidencePath = '' }: DrillResult): Promise<Evidence> {
  return evidenceSchema.parse(JSON.parse(await readFile(evidencePath, 'utf8')));
}

let now: DrillResult;
let old: DrillResult;
let deleted: Record<string, unknown>[];

describe('scenarios of a drill, as the rotation takes them', { timeout: 120_000 }, () => {
  it('begin with now, which leaves a fence that later drills compare with', async () => {
    now = await drill({ scenario: 'rotate' });
    expect(now).toMatchObject({ verdict: 'passed', scenario: { name: 'now', target: 'fence' } });
    expect(now.scenario?.why).toMatch(/^never drilled/);
    expect((await evidenceOf(now)).fingerprint?.path).toContain(now.id);
  });

  it('source-lost needs no source at all, says what cannot be compared, and bounds the loss', async () => {
    await book.shop.sql('insert into orders select generate_series(1001, 1500)');
    await book.shop.archive();
    await book.shop.source.stop('immediate');
    try {
      const lost = await drill({ scenario: 'rotate' });
      expect(lost).toMatchObject({ verdict: 'unproven', scenario: { name: 'source-lost', target: 'latest' } });
      expect(lost.reasons[0]).toMatch(/the source counts as lost.*the fence .* that drill .* took/);
      const { findings } = await evidenceOf(lost);
      expect(findings.map(({ name }) => name)).toEqual(['recovery point']);
    } finally {
      await book.shop.source.start();
    }
  });

  it('old proves an old moment: the oldest backup, compared with what an earlier drill recorded', async () => {
    deleted = await book.shop.sql('delete from orders where id <= 300 returning pg_current_xact_id()::text as xid');
    old = await drill({ scenario: 'rotate' });
    // Nothing large was deleted, dropped or truncated so far.
    expect(old.scenario?.rotation?.[1]).toMatchObject({ name: 'oops', impossible: expect.any(String) as string });
    expect(old).toMatchObject({
      verdict: 'passed',
      scenario: { name: 'old', chain: book.backups[0]!.id },
      chain: [{ id: book.backups[0]!.id }],
      fence: { lsn: now.fence!.lsn },
      fenceOf: now.id,
    });
    expect(old.checks.find(({ name }) => name === 'content')?.figures['rows']).toBe(1_000);
    expect(old.rpo).toBeUndefined();
    const { rerun } = await evidenceOf(old);
    expect(rerun).toBe(`pgdrill drill shop --target 'lsn=${now.fence!.lsn}' --chain '${book.backups[0]!.id}'`);
  });

  it('oops recovers to just before the statement that is named, and sees that it is undone', async () => {
    const xid = Number(deleted[0]!['xid']);
    const undone = await drill({ scenario: 'oops', xid });
    expect(undone).toMatchObject({ verdict: 'unproven', scenario: { statement: { xid, kind: 'delete' } } });
    expect(undone.checks.find(({ name }) => name === 'bad statement')).toMatchObject({
      status: 'passed',
      figures: { rows: 1_500 },
    });
    expect((await evidenceOf(undone)).rerun).toBe(`pgdrill drill shop --scenario oops --xid ${xid}`);
    await expect(drill({ scenario: 'oops' })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('No transaction in the archived WAL') as string },
    });
  });

  it('longest-chain restores the most links, and is proven at the fence of now', async () => {
    const longest = await drill({ scenario: 'longest-chain' });
    expect(longest).toMatchObject({ verdict: 'passed', scenario: { name: 'longest-chain' } });
    expect(longest.chain.map(({ id }) => id)).toEqual(book.backups.map(({ id }) => id));
    expect(longest.fenceOf).toBeUndefined();
  });

  it('after-failover is refused where there was none, and else crosses the switch', async () => {
    await expect(drill({ scenario: 'after-failover' })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('There was no failover') as string },
    });
    await promoteInPlace(book.shop.source);
    await book.shop.sql('insert into orders values (-1)');
    await book.shop.archive();
    const crossed = await drill({ scenario: 'after-failover' });
    expect(crossed).toMatchObject({
      verdict: 'passed',
      scenario: { name: 'after-failover', chain: book.backups[1]!.id },
      fence: { timeline: 2 },
    });
  });

  it('a recorded fence is really compared with: what differs from it fails', async () => {
    const path = book.shop.repository.storage.pathOf((await evidenceOf(now)).fingerprint!.path);
    const evidencePath = now.evidencePath!;
    const fingerprint = clusterFingerprintSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    const orders = fingerprint.databases.flatMap(({ relations }) => relations).find(({ name }) => name === 'orders')!;
    orders.hash = String(BigInt(orders.hash) + 1n);
    const text = JSON.stringify(fingerprint);
    const sha256 = createHash('sha256').update(text).digest('hex');
    const evidence = await evidenceOf(now);
    await writeFile(path, text);
    await writeFile(evidencePath, JSON.stringify({ ...evidence, fingerprint: { ...evidence.fingerprint, sha256 } }));
    await expect(drill({ target: `lsn=${now.fence!.lsn}` })).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/Check "content" failed.*orders/s) as string },
    });
    // One whose digest is not that of its evidence counts for nothing.
    await writeFile(evidencePath, JSON.stringify(evidence));
    const known = await listRecordedFences(book.shop.repository, book.shop.tools);
    expect(known.map(({ drill: id }) => id)).not.toContain(now.id);
  });
});
