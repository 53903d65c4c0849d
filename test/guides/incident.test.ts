import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { exists } from '../../src/files/durable.js';
import { leftovers } from '../support/leftovers.js';
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
  const main = join(import.meta.dirname, '..', '..', 'dist', 'src', 'cli', 'main.js');
  const command = `'${process.execPath}' '${main}' recover shop`;
  const terminal = execa('script', ['-qec', command, '/dev/null'], {
    ...{ env: { NO_COLOR: '1', ...book.env }, stdin: 'pipe', reject: false },
  });
  const answers: [RegExp, string][] = [
    [/Which moment.*\[latest\]: $/, '1'],
    [/Into which new directory.*: $/, into],
    [/Restore shop to before-xid=\d+ into .*\[y\/N\] $/, 'n'],
  ];
  let shown = '';
  terminal.stdout.on('data', (text: Buffer) => {
    shown += text.toString();
    const [next] = answers;
    if (!next?.[0].test(plain(shown))) return;
    answers.shift();
    terminal.stdin.write(`${next[1]}\n`);
  });
  const { exitCode } = await terminal;
  expect({ exitCode, shown: plain(shown), left: answers.length }).toMatchObject({
    ...{ exitCode: 1, left: 0 },
    shown: expect.stringMatching(
      /1 {2}before delete of 5000 rows in public\.orders in shop, committed[^]*Estimate[^]*nothing was started/,
    ) as string,
  });
  expect(await exists(into)).toBe(false);
});

/** What a terminal makes of it: without its control sequences. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '');
}
