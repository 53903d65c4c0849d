import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { exists } from '../../src/files/durable.js';
import { leftovers } from '../support/leftovers.js';
import { eventually, type OnTerminal, pgdrill, pgdrillOnTerminal } from '../support/programs.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { runGuide } from './guide.js';

let book: Runbook;
let xid: string;

beforeAll(async () => {
  book = await startRunbook({ worker: true, sql: 'create database shop', backups: [] });
  const { shop } = book;
  await shop.sql('create table orders (id int); insert into orders select generate_series(1, 5000)', 'shop');
  await shop.backup('full');
  const [bad] = await shop.sql<{ xid: string }>(
    'with gone as (delete from orders returning 1) select count(*), pg_current_xact_id()::text as xid from gone',
    'shop',
  );
  xid = bad!.xid;
  await shop.sql('insert into orders values (6000)', 'shop');
  await shop.archive();
});
afterAll(() => book.close());

test('an incident, hour by hour', { timeout: 180_000 }, async () => {
  const { scratch, repository } = { scratch: book.shop.scratch, repository: book.shop.patient.repository };
  const directory = join(scratch, 'guide');
  await mkdir(directory);
  await mkdir(join(scratch, 'rescue'));
  const ran = await runGuide('incident', {
    ...{ directory, env: book.env },
    stands: {
      '48213': xid,
      '/srv/rescue': join(scratch, 'rescue'),
      '/srv/recovered': join(scratch, 'recovered'),
      '/srv/backup/shop': repository,
    },
  });
  expect(ran).toBeGreaterThan(8);
  expect(await leftovers(book.shop)).toEqual([]);
});

test('at a terminal, recover asks for the moment, shows the plan, and starts nothing without a yes', async () => {
  const into = join(book.shop.scratch, 'guided');
  const terminal = guided(into, 'n');
  expect(await terminal.exitCode).toBe(1);
  expect(terminal.asked()).toBe(3);
  expect(plain(terminal.output())).toMatch(
    /1 {2}before delete of 5000 rows in public\.orders in shop, committed[^]*Estimate[^]*nothing was started/,
  );
  expect(await exists(into)).toBe(false);
});

test('with a yes it restores, and waits with the promotion until somebody agrees', { timeout: 120_000 }, async () => {
  const into = join(book.shop.scratch, 'guided');
  const terminal = guided(into, 'y');
  try {
    await eventually('the gate', () => /gate promote has waited for/.exec(plain(terminal.output())) ?? undefined);
    const id = /started (recover-shop-\S+)/.exec(plain(terminal.output()))![1]!;
    const rejected = await pgdrill(['reject', id, '--by', 'ada', '--reason', 'only looked'], { env: book.env });
    expect(rejected).toMatchObject({ exitCode: 0 });
    expect(await terminal.exitCode).toBe(2);
    expect(plain(terminal.output())).toMatch(/Recovery {2}rejected[^]*Nothing was kept/);
  } finally {
    terminal.kill();
  }
  expect(await exists(into)).toBe(false);
  expect(await leftovers(book.shop)).toEqual([]);
});

/** A guided recovery at a terminal, to before the bad statement. */
function guided(into: string, yesOrNo: 'y' | 'n'): OnTerminal & { asked: () => number } {
  const terminal = pgdrillOnTerminal(['recover', 'shop'], { NO_COLOR: '1', ...book.env });
  const answers: [RegExp, string][] = [
    [/Which moment.*\[latest\]: $/, '1'],
    [/Into which new directory.*: $/, into],
    [/Restore shop to before-xid=\d+ into .*\[y\/N\] $/, yesOrNo],
  ];
  let asked = 0;
  const looking = setInterval(() => {
    const [question, answer] = answers[asked] ?? [];
    if (question?.test(plain(terminal.output())) !== true) return;
    asked += 1;
    terminal.type(`${answer}\n`);
  }, 20);
  void terminal.exitCode.finally(() => clearInterval(looking));
  return { ...terminal, asked: () => asked };
}

/** What a terminal makes of it: without its control sequences. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '');
}
