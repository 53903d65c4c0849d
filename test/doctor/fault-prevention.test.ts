import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { applyFixes, examine, examineOrThrow } from '../../src/doctor/doctor.js';
import { standaloneContext } from '../../src/process/step-context.js';
import type { Finding } from '../../src/schema/results.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';

let shop: ProtectedCluster;

async function advice(name: string): Promise<Finding | undefined> {
  const findings = await examine(shop.patient, standaloneContext('doctor'));
  return findings.find((finding) => finding.name === name);
}

/** A fix as psql runs it: one that ends in \gexec makes the statements to run. */
async function follow(fix: string): Promise<void> {
  const made = fix.endsWith('\\gexec')
    ? (await shop.sql<{ format: string }>(fix.replace('\\gexec', ''))).map(({ format }) => format)
    : fix.split('; ');
  for (const statement of made) await shop.sql(statement);
}

describe.each([17, 18] as const)('PostgreSQL %i as initdb made it', (major) => {
  beforeAll(async () => {
    shop = await protectCluster({ major, ...(major === 18 ? { initdbArgs: ['--no-data-checksums'] } : {}) });
    await shop.sql('create table orders (id int, note text); create table "Odd one" (id int)');
    await shop.sql('create materialized view counted as select count(*) from orders');
  });
  afterAll(() => shop.remove());
  afterEach(async () => {
    await shop.sql('alter system reset wal_summary_keep_time');
    await shop.sql('select pg_reload_conf()');
  });

  it('is warned of the risk with the SQL that prevents it, and is ready all the same', async () => {
    const findings = await examineOrThrow(shop.patient, standaloneContext('check'));
    const warned = findings.filter(({ level }) => level === 'warning').map(({ name }) => name);
    expect(warned).toEqual(['vacuum_truncate', 'data_checksums']);
    expect(findings.find(({ name }) => name === 'vacuum_truncate')?.message).toMatch(/can then restore wrong rows/);
    expect(findings.find(({ name }) => name === 'data_checksums')).toMatchObject({
      fix: 'alter system set wal_log_hints = on;',
      needsRestart: true,
    });
    expect(findings.find(({ name }) => name === 'wal_summary_keep_time')?.level).toBe('ok');
  });

  it('is not changed in any of it by --fix', async () => {
    const read = (): Promise<object[]> =>
      shop.sql(`
        select name, setting from pg_settings
        where name in ('vacuum_truncate', 'wal_log_hints', 'data_checksums', 'wal_summary_keep_time')
        union all
        select relname, coalesce(reloptions::text, '') from pg_class where oid >= 16384
        order by 1`);
    const before = await read();
    expect(await applyFixes(shop.patient, shop.admin)).toMatchObject({ left: [] });
    expect(await read()).toEqual(before);
    expect((await advice('vacuum_truncate'))?.level).toBe('warning');
  });

  it('is well once the advice was followed, to the letter', async () => {
    await follow((await advice('vacuum_truncate'))!.fix!);
    await expect.poll(async () => (await advice('vacuum_truncate'))?.level).toBe('ok');
    await follow((await advice('data_checksums'))!.fix!);
    await shop.source.restart();
    expect(await advice('data_checksums')).toBeUndefined();
    await shop.sql('create table cut (id int primary key)');
    await shop.sql('insert into cut select generate_series(1, 10000)');
    // What is made afterwards has to be altered again on 17, and follows the server on 18.
    expect((await advice('vacuum_truncate'))?.level).toBe(major === 17 ? 'warning' : 'ok');
    if (major === 17) await follow((await advice('vacuum_truncate'))!.fix!);
    await shop.sql('delete from cut where id > 100');
    await shop.sql('vacuum cut');
    const [size] = await shop.sql<{ pages: number }>(`select (pg_relation_size('cut') / 8192)::int as pages`);
    expect(size!.pages).toBeGreaterThan(40);
  });

  it.runIf(major === 18)('is warned of a table that overrides the server', async () => {
    await shop.sql('alter table "Odd one" set (vacuum_truncate = true)');
    const found = await advice('vacuum_truncate');
    expect(found).toMatchObject({ level: 'warning', message: expect.stringContaining('"Odd one"') as string });
    await follow(found!.fix!);
    expect((await advice('vacuum_truncate'))?.level).toBe('ok');
  });

  it('is warned of summaries that are gone before the next backup', async () => {
    await shop.sql(`alter system set wal_summary_keep_time = '3h'`);
    await shop.sql('select pg_reload_conf()');
    await expect.poll(async () => (await advice('wal_summary_keep_time'))?.level).toBe('warning');
    const found = await advice('wal_summary_keep_time');
    expect(found?.message).toContain('3.0 hours only');
    await follow(found!.fix!);
    await expect.poll(async () => (await advice('wal_summary_keep_time'))?.level).toBe('ok');
  });
});
