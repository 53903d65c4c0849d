import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { TargetError } from '../../src/errors.js';
import { compareLsn } from '../../src/postgres/lsn.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { column, planTo, restoreTo, type Restored } from './restore-support.js';

// One source for all: rows r1 … r9 in a known order, with the places between them written down.
let shop: ProtectedCluster;
const restored: Restored[] = [];
const places = { lsn: '', time: '', xid: '', abortedXid: '', oldTime: '', oldXid: '' };

const rows = (sandbox: Restored['sandbox']): Promise<string[]> =>
  column(sandbox, `select string_agg(name, ' ' order by name) from r`);

async function write(name: string): Promise<{ xid: string; lsn: string; now: string }> {
  const [written] = await shop.sql<{ xid: string; lsn: string; now: string }>(`
    insert into r values ('${name}');
    select max(xmin::text::bigint)::text as xid, pg_current_wal_insert_lsn()::text as lsn, clock_timestamp()::text as now
      from r where name = '${name}'`);
  return written!;
}

async function restore(target: string): Promise<Restored> {
  const one = await restoreTo(shop, target);
  restored.push(one);
  return one;
}

beforeAll(async () => {
  shop = await protectCluster();
  await shop.sql(
    `create table r (name text); create table filler as select i, repeat('x', 500) t from generate_series(1, 5000) i`,
  );
  await write('r1');
  await shop.backup('full');
  places.oldXid = (await write('r2')).xid;
  await shop.sql(`select pg_sleep(0.02); select pg_create_restore_point('before the incremental')`);
  places.oldTime = (await shop.sql<{ now: string }>(`select clock_timestamp()::text as now`))[0]!.now;
  await shop.sql(`select pg_sleep(0.02); update filler set t = repeat('y', 500) where i % 3 = 0`);
  await write('r3');
  await shop.backup('incremental');
  await shop.sql(`select pg_sleep(0.02)`);
  await write('r4');
  await shop.sql(`select pg_sleep(0.02)`);
  places.time = (await shop.sql<{ now: string }>(`select clock_timestamp()::text as now`))[0]!.now;
  await shop.sql(`select pg_sleep(0.02)`);
  await write('r5');
  places.lsn = (await shop.sql<{ lsn: string }>(`select pg_current_wal_insert_lsn()::text as lsn`))[0]!.lsn;
  places.xid = (await write('r6')).xid;
  await write('r7');
  await shop.sql(`select pg_create_restore_point('before r8')`);
  await write('r8');
  await shop.archive();
  await write('r9'); // stays in the source's pg_wal: the repository knows nothing of it
});
afterAll(() => shop.remove());
afterEach(async () => {
  for (const { sandbox } of restored.splice(0)) await removeSandbox(shop.tools, sandbox);
});

describe('a restore', () => {
  it('to a time has what was committed before it and nothing after', async () => {
    const { sandbox, replay, plan } = await restore(`time=${places.time}`);
    expect(await rows(sandbox)).toEqual(['r1 r2 r3 r4']);
    expect(plan.chain.map(({ type }) => type)).toEqual(['full', 'incremental']);
    expect(Date.parse(replay.lastCommitAt!)).toBeLessThanOrEqual(Date.parse(places.time));
  });

  it('to a time before the newest backup uses an older one', async () => {
    const { sandbox, plan } = await restore(`time=${places.oldTime}`);
    expect(plan.chain.map(({ type }) => type)).toEqual(['full']);
    expect(await rows(sandbox)).toEqual(['r1 r2']);
  });

  it('to an LSN has what was written before it and nothing behind', async () => {
    const { sandbox, replay } = await restore(`lsn=${places.lsn}`);
    expect(await rows(sandbox)).toEqual(['r1 r2 r3 r4 r5']);
    expect(compareLsn(replay.reachedLsn, places.lsn)).toBeLessThanOrEqual(0);
  });

  it('to a transaction has it and nothing after', async () => {
    const { sandbox } = await restore(`xid=${places.xid}`);
    expect(await rows(sandbox)).toEqual(['r1 r2 r3 r4 r5 r6']);
  });

  it('to a transaction before the newest backup uses an older one', async () => {
    const { sandbox, plan } = await restore(`xid=${places.oldXid}`);
    expect(plan.chain.map(({ type }) => type)).toEqual(['full']);
    expect(await rows(sandbox)).toEqual(['r1 r2']);
  });

  it('to a restore point has what was committed before it and nothing after', async () => {
    const { sandbox } = await restore('name=before r8');
    expect(await rows(sandbox)).toEqual(['r1 r2 r3 r4 r5 r6 r7']);
  });

  it('to a restore point before the newest backup uses an older one', async () => {
    const { sandbox, plan } = await restore('name=before the incremental');
    expect(plan.chain.map(({ type }) => type)).toEqual(['full']);
    expect(await rows(sandbox)).toEqual(['r1 r2']);
  });

  it('to latest has all that the repository holds', async () => {
    const { sandbox } = await restore('latest');
    expect(await rows(sandbox)).toEqual(['r1 r2 r3 r4 r5 r6 r7 r8']);
  });

  it('to immediate has what the backup has', async () => {
    const { sandbox, replay, plan } = await restore('immediate');
    expect(await rows(sandbox)).toEqual(['r1 r2 r3']);
    expect(compareLsn(replay.reachedLsn, plan.chain.at(-1)!.endLsn)).toBeGreaterThanOrEqual(0);
  });

  it('to an LSN behind the last record, but inside the last segment, has all of it', async () => {
    const { wal } = await planTo(shop, 'latest');
    const tail = `${wal.to.split('/')[0]!}/${(Math.floor(parseInt(wal.to.split('/')[1]!, 16) / 2 ** 24) * 2 ** 24 + 2 ** 24 - 16).toString(16).toUpperCase()}`;
    expect(compareLsn(tail, wal.to)).toBeGreaterThan(0);
    const { sandbox } = await restore(`lsn=${tail}`);
    expect(await rows(sandbox)).toEqual(['r1 r2 r3 r4 r5 r6 r7 r8']);
  });
});

describe('a target that cannot be reached is refused before anything is restored:', () => {
  it.each([
    ['a time in the future', 'time=2099-01-01 00:00:00+00', 'lies in the future'],
    ['a time before the first backup', 'time=2020-01-01 00:00:00+00', 'before the end of the oldest backup'],
    ['an LSN before the first backup', 'lsn=0/1000000', 'before the end of the oldest backup'],
    ['an LSN beyond the archive', 'lsn=7F/0', 'the WAL in'],
    ['a restore point that is not there', 'name=nowhere', 'no restore point of that name'],
    ['a transaction that is not there', 'xid=3999999999', 'no transaction of that id'],
  ])('%s', async (_, target, sentence) => {
    const refusal = planTo(shop, target);
    await expect(refusal).rejects.toThrow(TargetError);
    await expect(refusal).rejects.toThrow(sentence);
  });

  it('a time after the last archived commit', async () => {
    const [{ now } = { now: '' }] = await shop.sql<{ now: string }>(`select clock_timestamp()::text as now`);
    await expect(planTo(shop, `time=${now}`)).rejects.toThrow(/the last commit in the archived WAL is of/);
  });
});
