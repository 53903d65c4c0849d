import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { makePrivateDirectory, writeFileDurably } from '../../src/files/durable.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { Sandbox } from '../../src/schema/results.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { column, flipByte, planTo, prepare, restoreTo, sandboxFor } from './restore-support.js';

// The source is recovered in place, so that it goes on in timeline 2: backups of timeline 1 are still worth something.
let shop: ProtectedCluster;
let full: BackupRecord;
const made: Sandbox[] = [];
const places = { beforeSwitch: '', afterSwitch: '', xid: '' };

async function write(name: string): Promise<string> {
  await shop.sql(`insert into r values ('${name}'); select pg_sleep(0.02)`);
  const [row] = await shop.sql<{ now: string }>(`select clock_timestamp()::text as now`);
  await shop.sql(`select pg_sleep(0.02)`);
  return row!.now;
}

beforeAll(async () => {
  shop = await protectCluster();
  await shop.sql(`create table r (name text)`);
  await write('r1');
  full = await shop.backup('full');
  places.beforeSwitch = await write('r2');
  await write('r3');
  await shop.archive();
  await write('r4');
  await shop.source.stop();
  await writeFileDurably(join(shop.source.dataDirectory, 'recovery.signal'), '');
  await shop.source.start({ restore_command: `cp ${shop.patient.walDirectory}/%f %p` });
  await vi.waitFor(
    async () => {
      expect(await shop.sql('select pg_is_in_recovery() as recovering')).toEqual([{ recovering: false }]);
    },
    { timeout: 30_000 },
  );
  places.afterSwitch = await write('r5');
  await write('r6');
  await shop.sql(`select pg_create_restore_point('on timeline 2')`);
  await write('r7');
  await shop.archive();
});
afterAll(() => shop.remove());
afterEach(async () => {
  for (const sandbox of made.splice(0)) await removeSandbox(shop.tools, sandbox);
});

async function rows(target: string): Promise<string[]> {
  const { sandbox, plan } = await restoreTo(shop, target);
  made.push(sandbox);
  expect(plan.chain.map(({ id }) => id)).toEqual([full.id]);
  expect(plan.target.timeline).toBe(2);
  return await column(sandbox, `select string_agg(name, ' ' order by name) from r`);
}

describe('from a backup of the timeline before, a restore', () => {
  it('to latest follows the cluster to the timeline it is on', async () => {
    expect(await rows('latest')).toEqual(['r1 r2 r3 r4 r5 r6 r7']);
  });

  it('to a time before the switch ends on the way', async () => {
    expect(await rows(`time=${places.beforeSwitch}`)).toEqual(['r1 r2']);
  });

  it('to a time after the switch finds it there', async () => {
    expect(await rows(`time=${places.afterSwitch}`)).toEqual(['r1 r2 r3 r4 r5']);
  });

  it('to a restore point after the switch finds it there', async () => {
    expect(await rows('name=on timeline 2')).toEqual(['r1 r2 r3 r4 r5 r6']);
  });

  it('is refused where WAL before the switch is damaged', async () => {
    const plan = await planTo(shop, 'latest');
    const sandbox = sandboxFor(shop, plan);
    made.push(sandbox);
    // The restore point that was archived: its segment lies wholly on timeline 1.
    const segment = `${'1'.padStart(8, '0')}${plan.chain[0]!.endLsn.split('/')[0]!.padStart(8, '0')}${(Math.floor(parseInt(plan.chain[0]!.endLsn.split('/')[1]!, 16) / 2 ** 24) + 1).toString(16).toUpperCase().padStart(8, '0')}`;
    const mend = await flipByte(join(shop.patient.walDirectory, segment), 200);
    await expect(prepare(shop, plan, sandbox)).rejects.toThrow(/The WAL from .* on timeline 1 .* cannot be read/);
    await mend();
  });

  it('is refused where WAL behind the switch creates a tablespace', async () => {
    const outside = join(shop.scratch, 'outside');
    await makePrivateDirectory(outside);
    await shop.sql(`create tablespace outside location '${outside}'`);
    await shop.archive();
    const plan = await planTo(shop, 'latest');
    const sandbox = sandboxFor(shop, plan);
    made.push(sandbox);
    await expect(prepare(shop, plan, sandbox)).rejects.toThrow(`a tablespace was created in ${outside}`);
  });
});

it('the next incremental is a full one, on the new timeline', async () => {
  const record = await shop.backup('incremental');
  expect(record).toMatchObject({ type: 'full', timeline: 2 });
  expect(record.fallbackReason).toContain('was promoted since');
});
