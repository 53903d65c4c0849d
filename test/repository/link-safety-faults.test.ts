import { afterEach, describe, expect, it } from 'vitest';

import type { LinkJudgement } from '../../src/repository/link-safety.js';
import { promoteInPlace } from '../support/promote.js';
import { differing, type RawCluster, startRawCluster } from './raw-backups.js';

/**
 * PostgreSQL's own faults (docs/postgresql-incremental-faults.md), each made with stock tools: the content restored from backups that
 * pg_verifybackup calls sound differs from the source, and judgeLink calls exactly those relations unsafe.
 */

let raw: RawCluster;

afterEach(async () => {
  await raw.remove();
});

/** About 34 such rows fit on a page: 3,000 make some ninety pages. */
const filled = (table: string, rows = 3_000): string =>
  `insert into ${table} select i, repeat('x', 200) from generate_series(1, ${rows}) as i`;

/** Each ends a WAL summary. */
async function cut(table: string, keep: number): Promise<void> {
  await raw.sql(`delete from ${table} where id > ${keep}`);
  await raw.sql(`vacuum ${table}`);
  await raw.checkpoint();
}

async function grow(table: string): Promise<void> {
  await raw.sql(`insert into ${table} select i, repeat('y', 200) from generate_series(10001, 12000) as i`);
  await raw.checkpoint();
}

/** Rows as wide as the others, so that they do not fit into the gaps of older pages. COPY extends a table by more pages than it then needs. */
const copied = String.raw`copy copied from program $$ seq 10001 10600 | awk '{ printf "%d\t%0200d\n", $1, 0 }' $$`;

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
    const tables = [...numbered('once', 6), ...numbered('after_growth', 6), ...numbered('twice', 4)];
    for (const table of tables) await raw.sql(`create table ${table} (id int, txt text); ${filled(table)}`);
    let wrong: string[] = [];
    for (let tries = 0; wrong.length === 0 && tries < 4; tries += 1) {
      const full = await raw.full();
      for (const table of tables) {
        if (table.startsWith('after_growth')) await grow(table);
        await cut(table, 600);
        await grow(table);
        if (!table.startsWith('twice')) continue;
        await cut(table, 1_200);
        await grow(table);
      }
      const incremental = await raw.incremental(full);
      wrong = await differing(raw, [full, incremental], tables);
      const judgement = await raw.judge([full], incremental);
      expect(tables.filter((table) => named(judgement, table))).toEqual(wrong);
    }
    expect(wrong).not.toEqual([]);
  });

  it('brings deleted rows back where COPY left empty pages behind a truncation', async () => {
    raw = await startRawCluster({ major });
    await raw.sql(`create table copied (id int, txt text); ${filled('copied')}`);
    await raw.sql(`create table untouched (id int, txt text); ${filled('untouched')}`);
    // Frozen, so that few pages of what stays are written again, and the file is not simply copied whole.
    await raw.sql(`vacuum (freeze) copied`);
    const full = await raw.full();
    await raw.sql(`delete from copied where id > 1800`);
    await raw.sql(`vacuum copied`);
    await raw.sql(copied);
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
    // Frozen, so that the first link needs few pages of what stays, and the file is not simply copied whole.
    await raw.sql(`vacuum (freeze) copied`);
    const full = await raw.full();
    await raw.sql(`delete from copied where id > 1800`);
    await raw.sql(`vacuum copied`);
    const first = await raw.incremental(full);
    expect(await raw.judge([full], first)).toEqual({ safe: true });
    expect(await differing(raw, [full, first], ['copied'])).toEqual([]);
    await raw.sql(copied);
    const second = await raw.incremental(first);
    expect(await differing(raw, [full, first, second], ['copied'])).toEqual(['copied']);
    const judgement = await raw.judge([full, first], second);
    expect(named(judgement, 'copied')).toBe(true);
  });

  it('reverts rows across a promotion, in relations of every kind', async () => {
    raw = await startRawCluster({ major });
    await raw.sql(`create database other`);
    await raw.sql(`create table elsewhere (id int, txt text); ${filled('elsewhere')}`, 'other');
    await raw.sql(`create tablespace beside location ''`);
    await raw.sql(`create table placed (id int, txt text) tablespace beside; ${filled('placed')}`);
    await raw.sql(`create table parted (id int, txt text) partition by range (id)`);
    await raw.sql(`create table parted_all partition of parted default; ${filled('parted')}`);
    await raw.sql(`create table toasted (id int, txt text); alter table toasted alter txt set storage external`);
    await raw.sql(`insert into toasted select i, repeat('x', 3000) from generate_series(1, 300) as i`);
    const tables = ['placed', 'parted', 'toasted'];
    const cutAndVacuum = async (table: string, keep: number, database?: string): Promise<void> => {
      await raw.sql(`delete from ${table} where id > ${keep}`, database);
      await raw.sql(`vacuum ${table}`, database);
    };
    const full = await raw.full();
    await cutAndVacuum('elsewhere', 600, 'other');
    await cutAndVacuum('placed', 600);
    await cutAndVacuum('parted', 600);
    await cutAndVacuum('toasted', 60);
    await promoteInPlace(raw.cluster);
    const more = `select i, repeat('y', 200) from generate_series(10001, 12000) as i`;
    await raw.sql(`insert into elsewhere ${more}`, 'other');
    await raw.sql(`insert into placed ${more}; insert into parted ${more}`);
    await raw.sql(`insert into toasted select i, repeat('y', 3000) from generate_series(10001, 10200) as i`);
    const incremental = await raw.incremental(full);
    expect(await differing(raw, [full, incremental], tables)).toEqual(tables);
    expect(await differing(raw, [full, incremental], ['elsewhere'], 'other')).toEqual(['elsewhere']);
    const judgement = await raw.judge([full], incremental);
    if (judgement.safe) throw new Error('called safe');
    const [promotion, ...relations] = judgement.reasons;
    expect(promotion).toContain('timeline 1 → 2');
    expect(relations.map((reason) => reason.replace(/ was truncated .*/, '')).sort()).toEqual([
      'TOAST table of public.toasted in database postgres',
      'Table public.elsewhere in database other',
      'Table public.parted_all in database postgres',
      'Table public.placed in database postgres',
      'Table public.toasted in database postgres',
    ]);
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
