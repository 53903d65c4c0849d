import { afterEach, describe, expect, it } from 'vitest';

import type { LinkJudgement } from '../../src/repository/link-safety.js';
import { differing, promote, type RawCluster, startRawCluster } from './raw-backups.js';

/**
 * PostgreSQL's own faults (docs/postgresql-incremental-faults.md), each made with stock tools: the content restored from backups that
 * pg_verifybackup calls sound differs from the source, and judgeLink calls exactly those relations unsafe.
 */

let raw: RawCluster;

afterEach(async () => {
  await raw.remove();
});

/** 100 rows a page is a lot: about 30 rows of 200 bytes fit, so 3,000 rows make a hundred pages. */
const filled = (table: string, rows = 3_000): string =>
  `insert into ${table} select i, repeat('x', 200) from generate_series(1, ${rows}) as i`;

const named = (judgement: LinkJudgement, table: string): boolean =>
  !judgement.safe &&
  judgement.reasons.some(
    (reason) =>
      reason.includes(`table public.${table} in database`) || reason.includes(`Table public.${table} in database`),
  );

const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

describe.each([17, 18] as const)('PostgreSQL %i', (major) => {
  it('loses rows where summaries are merged in the wrong order', async () => {
    raw = await startRawCluster({ major });
    // Whether the fault strikes depends on the order of readdir: for each table it is a toss-up.
    const tables = numbered('t', 12);
    for (const table of tables) await raw.sql(`create table ${table} (id int, txt text); ${filled(table)}`);
    const full = await raw.full();
    for (const table of tables) {
      await raw.sql(`delete from ${table} where id > 600`);
      await raw.sql(`vacuum ${table}`);
      await raw.checkpoint();
      await raw.sql(`insert into ${table} select i, repeat('y', 200) from generate_series(10001, 12000) as i`);
      await raw.checkpoint();
    }
    const incremental = await raw.incremental(full);
    const wrong = await differing(raw, [full, incremental], tables);
    expect(wrong).not.toEqual([]);
    const judgement = await raw.judge([full], incremental);
    expect(tables.filter((table) => named(judgement, table))).toEqual(wrong);
  });

  it('brings deleted rows back where COPY left empty pages behind a truncation', async () => {
    raw = await startRawCluster({ major });
    await raw.sql(`create table copied (id int, txt text); ${filled('copied')}`);
    await raw.sql(`create table untouched (id int, txt text); ${filled('untouched')}`);
    const full = await raw.full();
    await raw.sql(`delete from copied where id > 600`);
    await raw.sql(`vacuum copied`);
    await raw.sql(`copy copied (id) from program 'seq 10001 16000'`);
    const incremental = await raw.incremental(full);
    expect(await differing(raw, [full, incremental], ['copied', 'untouched'])).toEqual(['copied']);
    const judgement = await raw.judge([full], incremental);
    expect(judgement).toMatchObject({ safe: false });
    expect(named(judgement, 'copied')).toBe(true);
    expect(named(judgement, 'untouched')).toBe(false);
  });

  it('brings deleted rows back from a link further down, which the truncation itself did not harm', async () => {
    raw = await startRawCluster({ major });
    await raw.sql(`create table copied (id int, txt text); ${filled('copied')}`);
    const full = await raw.full();
    await raw.sql(`delete from copied where id > 600`);
    await raw.sql(`vacuum copied`);
    const first = await raw.incremental(full);
    expect(await raw.judge([full], first)).toEqual({ safe: true });
    expect(await differing(raw, [full, first], ['copied'])).toEqual([]);
    await raw.sql(`copy copied (id) from program 'seq 10001 16000'`);
    const second = await raw.incremental(first);
    expect(await differing(raw, [full, first, second], ['copied'])).toEqual(['copied']);
    const judgement = await raw.judge([full, first], second);
    expect(named(judgement, 'copied')).toBe(true);
  });

  it('reverts rows across a promotion', async () => {
    raw = await startRawCluster({ major });
    await raw.sql(`create table failed_over (id int, txt text); ${filled('failed_over')}`);
    const full = await raw.full();
    await raw.sql(`delete from failed_over where id > 600`);
    await raw.sql(`vacuum failed_over`);
    await promote(raw);
    await raw.sql(`insert into failed_over select i, repeat('y', 200) from generate_series(10001, 12000) as i`);
    const incremental = await raw.incremental(full);
    expect(await differing(raw, [full, incremental], ['failed_over'])).toEqual(['failed_over']);
    const judgement = await raw.judge([full], incremental);
    expect(judgement).toMatchObject({ safe: false });
    expect(JSON.stringify(judgement)).toContain('timeline 1 → 2');
    expect(named(judgement, 'failed_over')).toBe(true);
  });

  it('leaves stale bits in a visibility map where neither checksums nor wal_log_hints are on', async () => {
    raw = await startRawCluster({ major, checksums: false });
    await raw.sql(
      `create extension pg_visibility; create table mapped (id int primary key, txt text); ${filled('mapped')}`,
    );
    await raw.sql(`delete from mapped where id > 600`);
    // The emptied pages at the end are all-visible, and stay.
    await raw.sql(`vacuum (freeze, truncate false) mapped`);
    const full = await raw.full();
    await raw.sql(`vacuum mapped`);
    const incremental = await raw.incremental(full);
    const deletedButShown = async (read: RawCluster['sql']): Promise<unknown> => {
      await read(`insert into mapped select i, repeat('z', 200) from generate_series(10001, 12000) as i`);
      await read(`delete from mapped where id > 10000`);
      const rows = await read(
        `set enable_seqscan = off; set enable_bitmapscan = off; select count(id)::int as shown from mapped where id > 10000`,
      );
      return rows[0];
    };
    expect(await raw.restored([full, incremental], deletedButShown)).not.toEqual({ shown: 0 });
    expect(await deletedButShown(raw.sql)).toEqual({ shown: 0 });
    const judgement = await raw.judge([full], incremental);
    expect(JSON.stringify(judgement)).toContain('visibility map');
    expect(named(judgement, 'mapped')).toBe(true);
  });
});
