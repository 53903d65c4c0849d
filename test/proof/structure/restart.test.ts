import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readControlData } from '../../../src/postgres/controldata.js';
import { instanceStatus, stopInstance } from '../../../src/postgres/instance.js';
import { pageChecksum } from '../../../src/postgres/page.js';
import { standaloneContext } from '../../../src/process/step-context.js';
import { judgeControlData } from '../../../src/proof/structure/control-data.js';
import { checkShutDown } from '../../../src/proof/structure/restart.js';
import { checkVacuum } from '../../../src/proof/structure/vacuum.js';
import { checkWal } from '../../../src/proof/structure/wal.js';
import { validateRestore } from '../../../src/proof/validate.js';
import { runSandbox } from '../../../src/restore/open.js';
import { readSandboxRecord, removeSandbox, sandboxConninfo } from '../../../src/restore/sandbox.js';
import type { Check, Sandbox } from '../../../src/schema/results.js';
import { column, flipByte, inSandbox, restoreTo } from '../../restore/restore-support.js';
import { protectCluster, type ProtectedCluster } from '../../support/protected-cluster.js';
import { statuses } from '../proof-support.js';

const context = standaloneContext('restart');
let shop: ProtectedCluster;
let sandbox: Sandbox;

beforeAll(async () => {
  shop = await protectCluster({ initdbArgs: ['--data-checksums'] });
  await shop.sql(`create table t (i int primary key, filler text);
    insert into t select i, repeat('x', 200) from generate_series(1, 3000) i`);
  await shop.sql('vacuum t');
  await shop.backup('full');
  await shop.sql(`update t set filler = 'y' where i < 100`);
  await shop.archive();
  ({ sandbox } = await restoreTo(shop, 'latest'));
});
afterAll(async () => {
  await removeSandbox(shop.tools, sandbox);
  await shop.remove();
});

const stop = (): Promise<void> => stopInstance(shop.tools, sandbox.dataDirectory, 'fast');

async function shutDown(): Promise<Record<string, Check>> {
  const { checks } = await checkShutDown(shop.tools, sandbox, context);
  return Object.fromEntries(checks.map((check) => [check.name, check]));
}

/** The file of a fork of table t; the server runs again. */
async function fileOf(fork = ''): Promise<string> {
  await runSandbox(shop.tools, sandbox, context);
  const [path = ''] = await column(sandbox, `select pg_relation_filepath('t')`);
  return path + fork;
}

describe('a restored cluster that was shut down', () => {
  it('has the control file and the page checksums that it should have, and runs again', async () => {
    const checks = await shutDown();
    expect(checks).toMatchObject({
      'control data': { status: 'passed', problems: [] },
      'page checksums': { status: 'passed', problems: [], figures: { broken: 0 } },
    });
    expect(checks['page checksums']!.figures['pages']).toBeGreaterThan(1_000);
    expect((await instanceStatus(sandbox.dataDirectory))?.ready).toBe(true);
  });

  it('has checksums that pgdrill computes as PostgreSQL does', async () => {
    const path = await fileOf();
    await stop();
    const file = await readFile(join(sandbox.dataDirectory, path));
    for (let block = 0; block * 8192 < file.length; block += 1) {
      const page = file.subarray(block * 8192, (block + 1) * 8192);
      expect(pageChecksum(page, block)).toBe(page.readUInt16LE(8));
    }
    expect(file.length).toBeGreaterThan(80 * 8192);
  });

  it.each([
    ['the table', '', 8192 * 2 + 4000],
    ['its visibility map', '_vm', 4000],
    ['its free space map', '_fsm', 4000],
  ])('shows a flipped bit in a page of %s', async (_, fork, position) => {
    const path = await fileOf(fork);
    await stop();
    const mend = await flipByte(join(sandbox.dataDirectory, path), position);
    const { 'page checksums': check } = await shutDown();
    await stop();
    await mend();
    expect(check).toMatchObject({
      status: 'failed',
      figures: { broken: 1 },
      problems: [{ object: 'table public.t in database postgres' }],
    });
    expect(check!.problems[0]!.detail).toContain(`${path}, block ${Math.floor(position / 8192)}: its checksum is`);
    expect((await shutDown())['page checksums']).toMatchObject({ status: 'passed' });
  });

  it('shows a file that ends in the middle of a page', async () => {
    const path = await fileOf();
    await stop();
    const file = join(sandbox.dataDirectory, path);
    const whole = await readFile(file);
    await truncate(file, whole.length - 100);
    const { 'page checksums': check } = await shutDown();
    await stop();
    await writeFile(file, whole);
    expect(check).toMatchObject({ status: 'failed', problems: [{ object: 'table public.t in database postgres' }] });
    expect(check!.problems[0]!.detail).toContain('cannot be read');
  });

  it('names the field of the control file that belongs to another system', async () => {
    const record = join(sandbox.directory, 'sandbox.json');
    const kept = await readFile(record, 'utf8');
    const { expected } = (await readSandboxRecord(sandbox.directory))!;
    await writeFile(record, kept.replace(expected!.systemIdentifier, '1234567890'));
    const { 'control data': check } = await shutDown();
    await writeFile(record, kept);
    expect(check).toMatchObject({ status: 'failed', problems: [{ object: 'Database system identifier' }] });
    expect(check!.problems[0]!.detail).toContain('expected 1234567890');
  });

  it('is unproven where nobody knows what its control file should say, nor whether its WAL was read', async () => {
    const record = join(sandbox.directory, 'sandbox.json');
    const kept = await readFile(record, 'utf8');
    const { expected, wal, ...old } = JSON.parse(kept) as Record<string, unknown>;
    await writeFile(record, JSON.stringify(old));
    const { 'control data': check } = await shutDown();
    const unread = await checkWal(sandbox);
    await writeFile(record, kept);
    expect([expected, wal]).not.toContain(undefined);
    expect(check).toMatchObject({ status: 'unproven' });
    expect(unread).toMatchObject({ name: 'wal', status: 'unproven' });
  });

  it('is not called shut down after a crash', async () => {
    await runSandbox(shop.tools, sandbox, context);
    await stopInstance(shop.tools, sandbox.dataDirectory, 'immediate');
    const control = await readControlData(shop.tools, sandbox.dataDirectory);
    const { expected } = (await readSandboxRecord(sandbox.directory))!;
    const problems = judgeControlData(control, expected!, undefined);
    expect(problems).toContainEqual({
      object: 'Database cluster state',
      detail: 'is in production, expected shut down',
    });
  });

  it('is validated although an earlier attempt left it stopped', async () => {
    await runSandbox(shop.tools, sandbox, context);
    await stop();
    const { checks } = await validateRestore(
      shop.tools,
      { repository: shop.repository, sandbox, role: 'pgdrill', capture: undefined, connections: 1 },
      context,
    );
    expect(statuses(checks)).toEqual({
      content: 'unproven',
      unlogged: 'passed',
      'newest rows': 'unproven',
      'index reads': 'passed',
      wal: 'passed',
      structure: 'passed',
      'visibility map': 'passed',
      'control data': 'passed',
      'page checksums': 'passed',
      writes: 'passed',
      vacuum: 'passed',
    });
    expect(checks.find(({ name }) => name === 'wal')!.figures['records']).toBeGreaterThan(100);
    expect(await column(sandbox, `select nspname from pg_namespace where nspname like 'pgdrill_usable%'`)).toEqual([]);
  });
});

describe('the check vacuum', () => {
  const vacuum = (): Promise<Check> =>
    checkVacuum({ connection: sandboxConninfo(sandbox), databases: ['postgres'], signal: context.signal });

  it('fails on a damaged page, and names the table', async () => {
    const path = await fileOf();
    // Dead rows on its pages, so that VACUUM has to look at them.
    await inSandbox(sandbox, (client) => client.query(`update t set filler = filler where i > 2000`));
    await stop();
    const mend = await flipByte(join(sandbox.dataDirectory, path), 8192 * 80 + 4000);
    await runSandbox(shop.tools, sandbox, context);
    const check = await vacuum();
    await stop();
    await mend();
    await runSandbox(shop.tools, sandbox, context);
    expect(check).toMatchObject({ name: 'vacuum', status: 'failed', problems: [{ object: 'postgres.public.t' }] });
    expect(await vacuum()).toMatchObject({ status: 'passed', problems: [] });
  });
});

describe('a cluster without data checksums', () => {
  it('is not said to have right ones', async () => {
    const plain = await protectCluster();
    try {
      await plain.backup('full');
      const { sandbox: other } = await restoreTo(plain, 'latest');
      const { checks, notCompared } = await checkShutDown(plain.tools, other, context).finally(() =>
        removeSandbox(plain.tools, other),
      );
      expect(statuses(checks)).toEqual({ 'control data': 'passed' });
      expect(notCompared).toEqual(['page checksums: the source has none']);
    } finally {
      await plain.remove();
    }
  });
});
