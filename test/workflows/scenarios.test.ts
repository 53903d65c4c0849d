import { readFile, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { Activities } from '../../activities/index.js';
import { instanceStatus } from '../../src/postgres/instance.js';
import { clusterFingerprintSchema } from '../../src/proof/fingerprint-schema.js';
import { listRecordedFences } from '../../src/repository/recorded-fences.js';
import { type DrillResult, type Evidence, evidenceSchema } from '../../src/schema/evidence.js';
import { bytes, moment } from '../../src/schema/figures.js';
import type { Sandbox } from '../../src/schema/results.js';
import type { DrillInput } from '../../src/schema/workflow-inputs.js';
import { activitiesOf } from '../faults/history.js';
import { leftovers } from '../support/leftovers.js';
import { promoteInPlace } from '../support/promote.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { startWorker } from '../support/temporal.js';

// One repository, drilled in every scenario: what an earlier drill recorded is what a later one compares with.
let book: Runbook;
let worker: Awaited<ReturnType<typeof startWorker>>;
/** Done to the paused server before it is compared with its fence. */
let beforeComparison: ((sandbox: Sandbox) => Promise<void>) | undefined;
const wrap = (real: Activities): Partial<Activities> => ({
  compareAtFence: async (input) => {
    await beforeComparison?.(input.sandbox);
    return await real.compareAtFence(input);
  },
});
beforeAll(async () => {
  book = await startRunbook({
    backups: ['full', 'incremental'],
    sql: `create table orders (id int primary key); insert into orders select generate_series(1, 1000);
          create unlogged table carts (id int); insert into carts values (1)`,
    cluster: `sandbox: { settings: { shared_buffers: 16MB } }
checks:
  same: { sql: select count(*) from orders, expect: { equals: source } }
  some: { sql: select count(*) from orders, expect: { range: { min: 1000 } } }`,
  });
  worker = await startWorker(book.temporal, book.loaded, { wrap });
});
afterAll(async () => {
  await worker.stop();
  await book.close();
});
afterEach(async () => {
  expect(await leftovers(book.shop)).toEqual([]);
});

const drill = async (input: Omit<DrillInput, 'cluster'>): Promise<DrillResult> =>
  (await (await book.start('drill', { cluster: 'shop', ...input })).result()) as DrillResult;

async function evidenceOf({ evidencePath = '' }: DrillResult): Promise<Evidence> {
  return evidenceSchema.parse(JSON.parse(await readFile(evidencePath, 'utf8')));
}

/** The checks of a drill that came by a fence: there, and at its end, in their order. */
const compared = ['content', 'sequences', 'schema', 'globals', 'newest rows', 'business: same', 'business: some'];
const alone = [
  ...['unlogged', 'business: some', 'index reads', 'wal', 'structure', 'visibility map', 'control data', 'writes'],
  ...['vacuum'],
];

/**
 * What was compared before the server was opened is no part of the RTO, but of the time until it was proven: by Temporal's own history, which
 * knows when each step was scheduled and when its answer came.
 */
function expectHonestClock({ clock }: Evidence, activities: Awaited<ReturnType<typeof activitiesOf>>): void {
  const step = (name: string): { from: number; to: number } => {
    const { scheduledAt: from, endedAt: to } = activities.find(({ activity }) => activity === name)!;
    return { from, to };
  };
  const { phases, rtoSeconds = 0, rtoToProvenSeconds = 0, otherSeconds = 0 } = clock;
  const restoring = ['plan', 'fetch', 'verify', 'combine', 'replay', 'replay', 'open'];
  expect(phases.filter(({ name }) => name !== 'validate').map(({ name }) => name)).toEqual(restoring);
  const [ordered, opened] = [step('planRestore').from, step('openSandbox').to];
  const comparing = phases.find(({ name }) => name === 'validate')!;
  const compared = step('compareAtFence');
  expect(comparing.seconds).toBeLessThanOrEqual(compared.to - compared.from + 0.01);
  expect(Date.parse(comparing.startedAt!) / 1_000).toBeCloseTo(compared.from, 1);
  expect(rtoSeconds).toBeLessThanOrEqual(opened - ordered - comparing.seconds + 0.01);
  const work = phases.filter(({ name }) => name !== 'validate').reduce((sum, { seconds }) => sum + seconds, 0);
  expect(rtoSeconds).toBeCloseTo(work + otherSeconds, 6);
  const proven = step('validateRestore').to - ordered;
  expect(rtoToProvenSeconds).toBeGreaterThan(rtoSeconds + comparing.seconds);
  expect(rtoToProvenSeconds).toBeLessThanOrEqual(proven + 0.01);
}

let now: DrillResult;
let old: DrillResult;
let newestFull: string;
let deleted: Record<string, unknown>[];

describe('scenarios of a drill, as the rotation takes them', { timeout: 120_000 }, () => {
  it('source-lost is unproven where no drill has recorded a fence, and says which one would', async () => {
    const lost = await drill({ scenario: 'source-lost' });
    expect(lost).toMatchObject({ verdict: 'unproven', scenario: { name: 'source-lost' } });
    expect(lost.reasons[0]).toMatch(
      /"content" is unproven: Not compared: no drill with PostgreSQL [\d.]+ has recorded a fence before the target\. A drill of scenario now.*pgdrill drill shop/,
    );
    expect(lost.fence).toBeUndefined();
  });

  it('begin with now, which leaves a fence that later drills compare with', async () => {
    now = await drill({ scenario: 'rotate' });
    expect(now).toMatchObject({ verdict: 'passed', scenario: { name: 'now', target: 'fence' } });
    expect(now.scenario?.why).toMatch(/^never drilled/);
    expect((await evidenceOf(now)).fingerprint?.path).toContain(now.id);
  });

  it('source-lost needs no source at all: compared at the recorded fence, then replayed to the end of what there is', async () => {
    await book.shop.sql('insert into orders select generate_series(1001, 1500)');
    await book.shop.archive();
    await book.shop.source.stop('immediate');
    try {
      const handle = await book.start('drill', { cluster: 'shop', scenario: 'source-lost' });
      const lost = (await handle.result()) as DrillResult;
      const { lsn } = now.fence!;
      expect(lost).toMatchObject({
        verdict: 'passed',
        scenario: { name: 'source-lost', target: 'latest' },
        chain: now.chain,
        fence: { lsn },
        fenceOf: now.id,
        beyond: { fromLsn: lsn, toLsn: lost.replay!.reachedLsn },
      });
      expect(lost.reasons[0]).toBe(
        `Proven equal at LSN ${lsn} (fence of drill ${now.id}, ${moment(now.fence!.takenAt)}); from ${lsn} to ${lost.replay!.reachedLsn} ${bytes(lost.beyond!.bytes)} of WAL replayed, checked by ${alone.join(', ')}, not compared.`,
      );
      expect(lost.notCompared[0]).toContain(`between ${lsn} and ${lost.replay!.reachedLsn}`);
      expect(lost.checks.filter(({ at }) => at === lsn).map(({ name }) => name)).toEqual(compared);
      expect(lost.checks.filter(({ at }) => at === undefined).map(({ name }) => name)).toEqual(alone);
      // The fence had 1,000 orders, the end of the WAL has 500 more.
      expect(
        lost.checks.filter(({ name }) => name === 'business: some').map(({ figures }) => figures['answer']),
      ).toEqual([1_000, 1_500]);
      const evidence = await evidenceOf(lost);
      expect(evidence.findings.map(({ name }) => name)).toEqual(['recovery point']);
      expectHonestClock(evidence, await activitiesOf(handle));
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
    expect(undone).toMatchObject({
      verdict: 'passed',
      scenario: { statement: { xid, kind: 'delete' } },
      fenceOf: now.id,
      beyond: { fromLsn: now.fence!.lsn, toLsn: undone.replay!.reachedLsn },
    });
    expect(undone.checks.find(({ name }) => name === 'bad statement')).toMatchObject({
      status: 'passed',
      figures: { rows: 1_500 },
    });
    expect((await evidenceOf(undone)).rerun).toBe(`pgdrill drill shop --scenario oops --xid ${xid}`);
    await expect(drill({ scenario: 'oops' })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('No transaction in the archived WAL') as string },
    });
  });

  it('source-lost takes an older chain where the newest backup begins behind the fence, and says so', async () => {
    book.backups.push(await book.shop.backup('incremental'));
    // Besides: a server that dies while it is paused there is brought back to the fence, and not compared where it comes to itself.
    let killed: number | undefined;
    beforeComparison = async ({ dataDirectory }) => {
      killed = (await instanceStatus(dataDirectory))!.pid;
      process.kill(killed, 'SIGKILL');
    };
    const lost = await drill({ scenario: 'source-lost' });
    beforeComparison = undefined;
    expect(killed).toBeDefined();
    expect(lost).toMatchObject({ verdict: 'passed', chain: now.chain, fenceOf: now.id });
    expect((await evidenceOf(lost)).findings.find(({ name }) => name === 'chain')?.message).toContain(
      `A recovery to the same target would take ${book.backups[2]!.id}`,
    );
  });

  it('a server that cannot pause at the fence is restored anew without the stop, and unproven', async () => {
    // A hot standby takes no connections while a transaction is open of whose more than 64 subtransactions it has never heard.
    const client = await book.shop.source.connect();
    await client.query('begin');
    await client.query(`do $$ begin
      for n in 1..70 loop
        begin insert into orders values (-n); exception when others then raise; end;
      end loop;
    end $$`);
    const crossing = await book.shop.backup('full');
    const { fence, verdict } = await drill({});
    expect(verdict).toBe('passed');
    await client.query('rollback');
    await client.end();
    await book.shop.archive();
    const lost = await drill({ scenario: 'source-lost' });
    expect(lost.reasons[0]).toContain(`the restored server could not pause at ${fence!.lsn}`);
    expect(lost).toMatchObject({ verdict: 'unproven', chain: [{ id: crossing.id }] });
    expect(lost).not.toHaveProperty('fence');
    expect(lost).not.toHaveProperty('beyond');
    expect(lost.phases.map(({ name }) => name)).toEqual([
      ...['plan', 'fetch', 'verify', 'combine', 'replay', 'open', 'validate'],
    ]);
    expect(lost.checks.filter(({ status }) => status !== 'passed').map(({ name }) => name)).toEqual([
      'content',
      'newest rows',
      'business: same',
    ]);
    newestFull = crossing.id;
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
      scenario: { name: 'after-failover', chain: newestFull },
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
    // On the way to another target, too.
    await expect(drill({ scenario: 'oops', xid: Number(deleted[0]!['xid']) })).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/Check "content at .*" failed.*orders/s) as string },
    });
    // One whose digest is not that of its evidence counts for nothing.
    await writeFile(evidencePath, JSON.stringify(evidence));
    const known = await listRecordedFences(book.shop.repository, book.shop.tools);
    expect(known.map(({ drill: id }) => id)).not.toContain(now.id);
  });
});
