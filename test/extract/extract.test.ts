import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { runTool } from '../../src/process/run-tool.js';
import { toolPath } from '../../src/toolchain/postgres.js';
import type { ExtractResult } from '../../src/client/results.js';
import { leftovers } from '../support/leftovers.js';
import { eventually, pgdrill } from '../support/programs.js';
import { type Runbook, startRunbook } from '../support/runbook.js';

let book: Runbook;
let folder: string;

const odd = `Order "Items" it's`;

beforeAll(async () => {
  book = await startRunbook({
    worker: true,
    sql: `create table orders (id int); insert into orders select generate_series(1, 1000);
          create schema "My Schema"; create table "My Schema"."Order ""Items"" it's" (id serial, note text);
          insert into "My Schema"."Order ""Items"" it's" (note) values ('kept'), ('twice')`,
  });
  folder = join(book.shop.scratch, 'out');
  await mkdir(folder);
  await book.shop.sql(`select pg_create_restore_point('before')`);
  await book.shop.sql(`truncate "My Schema"."Order ""Items"" it's"; delete from orders where id > 10`);
  await book.shop.archive();
});
afterAll(() => book.close());
afterEach(async () => {
  expect(await leftovers(book.shop)).toEqual([]);
});

describe('a recovery of a part', { timeout: 120_000 }, () => {
  test('takes tables, whatever they are called, from before the accident into one file', async () => {
    const command = await pgdrill(
      [
        ...['recover', 'shop', '--table', `postgres."My Schema"."Order ""Items"" it's"`, 'postgres.public.orders'],
        ...['--into', folder, '--target', 'name=before', '--json'],
      ],
      { env: book.env },
    );
    expect([command.exitCode, command.stderr]).toEqual([0, expect.any(String)]);
    const { extracted, evidencePath } = JSON.parse(command.stdout) as ExtractResult;
    expect(extracted).toMatchObject({
      path: join(folder, 'postgres-tables.dump'),
      database: 'postgres',
      format: 'custom',
    });
    expect((await stat(extracted!.path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['postgres-tables.dump']);
    expect(JSON.parse(await readFile(evidencePath!, 'utf8'))).toMatchObject({ kind: 'extraction', extracted });

    // As it is loaded: into a database beside the live one.
    await book.shop.sql('create database rescue');
    await book.shop.sql('create schema "My Schema"', 'rescue');
    const copy = join(book.shop.scratch, 'for-the-server-user.dump');
    await writeFile(copy, await readFile(extracted!.path), { mode: 0o644 });
    await runTool({
      file: toolPath(book.shop.tools, 'pg_restore'),
      args: ['--single-transaction', '--no-owner', '-d', book.shop.source.conninfo({ dbname: 'rescue' }), copy],
    });
    const [rows] = await book.shop.sql(
      `select (select count(*)::int from orders) as orders, (select string_agg(note, ',' order by id) from "My Schema"."Order ""Items"" it's") as notes`,
      'rescue',
    );
    expect(rows).toEqual({ orders: 1000, notes: 'kept,twice' });

    // What is there is not written over, and nothing is restored to find that out.
    const again = await pgdrill(
      ['recover', 'shop', '--database', 'postgres', '--into', extracted!.path, '--no-fix-gate'],
      { env: book.env },
    );
    expect(again).toMatchObject({
      exitCode: 64,
      stderr: expect.stringMatching(/postgres-tables\.dump exists/) as string,
    });
    expect(again.stderr).not.toContain('restore preparation');
  });

  test('of a table that was not there waits at gate fix with near names, and leaves nothing when given up', async () => {
    const into = join(folder, 'nothing.sql');
    const handle = await book.start('extract', {
      ...{ cluster: 'shop', database: 'postgres', format: 'plain', into, target: 'name=before' },
      tables: [
        { schema: 'public', table: 'order' },
        { schema: 'public', table: odd },
      ],
    });
    const waiting = await eventually('gate fix', async () => {
      const progress = await handle.query<{ waiting?: { gate: string; question: string } }>('progress');
      return progress.waiting?.gate === 'fix' ? progress.waiting : undefined;
    });
    expect(waiting.question).toMatch(/no table public\.order in database postgres .* Did you mean "public\.orders"\?/);
    expect(waiting.question).toContain('There was "My Schema"."Order ""Items"" it\'s".');
    expect(waiting.question).toMatch(/Look around: psql -h \/tmp\/pgdrill-/);
    await handle.signal('reject', { gate: 'fix', by: 'ada' });
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'UsageError' } });
    expect(await readdir(folder)).toEqual(['postgres-tables.dump']);
  });
});

test('what cannot be one file is refused at once', async () => {
  const recover = (...args: string[]) => pgdrill(['recover', 'shop', '--into', folder, ...args], { env: book.env });
  const none = await recover('--table', 'orders');
  expect(none).toMatchObject({ exitCode: 64, stderr: expect.stringMatching(/"orders" names no table/) as string });
  const several = await recover('--table', 'a.b.c', 'd.e.f');
  expect(several).toMatchObject({ exitCode: 64, stderr: expect.stringMatching(/several databases: a, d/) as string });
});
