import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { withConnection } from '../../../src/postgres/connection.js';
import { standaloneContext } from '../../../src/process/step-context.js';
import { describeAnswer, isAnswer } from '../../../src/proof/business/answer.js';
import { ask } from '../../../src/proof/business/ask.js';
import { captureSource } from '../../../src/proof/capture.js';
import { readKeptFingerprint } from '../../../src/proof/kept-fingerprint.js';
import { listTimestamps, readNewest } from '../../../src/proof/business/newest-rows.js';
import { restoredMoment } from '../../../src/proof/business/restored-moment.js';
import { validateRestore } from '../../../src/proof/validate.js';
import { judge } from '../../../src/proof/verdict.js';
import { removeSandbox } from '../../../src/restore/sandbox.js';
import type { BusinessCheck, Expectation } from '../../../src/schema/business-check.js';
import type { Capture, Check, Sandbox } from '../../../src/schema/results.js';
import { inSandbox, restoreTo } from '../../restore/restore-support.js';
import { protectCluster, type ProtectedCluster } from '../../support/protected-cluster.js';
import { startLoad, stopLoad } from '../../support/pgbench.js';

let shop: ProtectedCluster;
const made: Sandbox[] = [];
let drills = 0;

beforeAll(async () => {
  shop = await protectCluster({ settings: { search_path: 'sales,public', max_prepared_transactions: '2' } });
  await shop.sql(`
    create schema sales;
    create table sales.customers (id int primary key, name text not null);
    create table sales.orders (
      id int generated always as identity primary key, customer int not null, total numeric(12, 2) not null, at timestamptz not null default now());
    create index on sales.orders (at);
    create table sales.log (at timestamptz default now());
    create function sales.open_orders() returns bigint language sql stable return (select count(*) from sales.orders);
    create function sales.writes() returns int language plpgsql as $$ begin insert into sales.log default values; return 1; end $$;
    create function sales.opens() returns int language plpgsql as $$
      begin set transaction read write; insert into sales.log default values; return 1; end $$;
    create function sales.commits() returns int language plpgsql as $$ begin commit; return 1; end $$;
    create function sales.rises() returns int language plpgsql as $$ begin perform set_config('role', 'postgres', false); return 1; end $$;
    create function sales.tells() returns int language plpgsql as $$ begin raise exception 'Ada Lovelace'; end $$;
    insert into sales.customers select n, 'Customer ' || n from generate_series(1, 100) n;
    insert into sales.orders (customer, total) select 1 + n % 100, n / 4.0 from generate_series(1, 1000) n;
  `);
  await shop.sql('create database second');
  await shop.sql(`create table visits (at timestamptz default clock_timestamp(), page int)`, 'second');
  await shop.sql(`insert into visits (page) select generate_series(1, 50)`, 'second');
  await shop.backup('full');
});
afterAll(async () => {
  await stopLoad();
  await shop.remove();
});
afterEach(async () => {
  await stopLoad();
  for (const sandbox of made.splice(0)) await removeSandbox(shop.tools, sandbox);
});

function check(name: string, sql: string, expect: Expectation, more: Partial<BusinessCheck> = {}): BusinessCheck {
  return { name, sql, expect, timeout: '10s', ...more };
}

async function capture(checks: readonly BusinessCheck[]): Promise<Capture> {
  return await captureSource(
    shop.tools,
    {
      ...shop.patient,
      repository: shop.repository,
      connections: 2,
      snapshotTimeoutMs: 60_000,
      drillId: `drill-${++drills}`,
      checks,
    },
    standaloneContext(`capture-${drills}`),
  );
}

async function restore(taken: Capture): Promise<Sandbox> {
  const { sandbox } = await restoreTo(shop, 'fence', { fence: taken.fence });
  made.push(sandbox);
  return sandbox;
}

async function validate(sandbox: Sandbox, taken: Capture): Promise<Check[]> {
  const { checks } = await validateRestore(
    shop.tools,
    { repository: shop.repository, sandbox, role: 'pgdrill', capture: taken, connections: 2 },
    standaloneContext('validate'),
  );
  return checks;
}

/** The business checks among all, by name, as `status: summary`. */
function outcome(checks: readonly Check[]): Record<string, string> {
  const ours = checks.filter(({ name }) => name === 'newest rows' || name.startsWith('business: '));
  return Object.fromEntries(
    ours.map(({ name, status, summary }) => [name.replace('business: ', ''), `${status}: ${summary}`]),
  );
}

describe('every kind of expectation', () => {
  const checks = [
    check('revenue', 'select sum(total) from orders', { equals: 'source' }),
    check('by customer', 'select customer, count(*), max(total) from orders group by customer', { equals: 'source' }),
    check(
      'orphans',
      'select count(*) from orders o where not exists (select from customers c where c.id = o.customer)',
      {
        value: 0,
      },
    ),
    check('first customer', 'select name from customers where id = 1;', { value: 'Customer 1' }),
    check('orders', 'select count(*) from orders', { range: { min: 500, max: '2000' } }),
    check('newest order', 'select max(at) from orders', { max_age: '1h' }),
    check(
      'recent orders',
      `select count(*) > 0 from orders where at > current_setting('pgdrill.as_of')::timestamptz - interval '1 hour'`,
      {
        value: true,
      },
    ),
    check('about as many', 'select open_orders()', { rows: { tolerance: '1%' } }),
    check('visits', 'select count(*) from visits', { equals: 'source' }, { database: 'second' }),
  ];

  it('passes on an honest restore, and fails on one that was meddled with', async () => {
    const taken = await capture(checks);
    const sandbox = await restore(taken);
    const honest = await validate(sandbox, taken);
    expect(judge(honest)).toMatchObject({ verdict: 'passed' });
    expect(outcome(honest)).toEqual({
      'newest rows': expect.stringMatching(
        /^passed: 1 indexed timestamp ends where the source’s does\. The youngest, postgres\.sales\.orders\.at, lies .* before the moment/,
      ) as string,
      revenue: 'passed: 125125.00, as on the source.',
      'by customer': expect.stringMatching(
        /^passed: 100 rows of 3 columns \(SHA-256 \w{12}…\), as on the source\.$/,
      ) as string,
      orphans: 'passed: 0, as expected.',
      'first customer': expect.stringMatching(
        /^passed: 1 row of 1 column \(SHA-256 \w{12}…\), as expected\.$/,
      ) as string,
      orders: 'passed: 1000; expected: 500 to 2000.',
      'newest order': expect.stringMatching(
        /^passed: 20\S+ \S+, .* before the moment .*; expected: at most 1h before\.$/,
      ) as string,
      'recent orders': 'passed: true, as expected.',
      'about as many': 'passed: 1000, and 1000 on the source: 0 apart; expected: at most 1%.',
      visits: 'passed: 50, as on the source.',
    });

    await inSandbox(sandbox, async (client) => {
      await client.query(`
        delete from sales.orders where id > 400;
        update sales.orders set at = at - interval '3 hours';
        update sales.orders set customer = 0 where id = 7;
        update sales.customers set name = 'Grace Hopper' where id = 1`);
    });
    await inSandbox(sandbox, (client) => client.query('delete from visits where page = 9'), 'second');
    const meddled = await validate(sandbox, taken);
    expect(judge(meddled).verdict).toBe('failed');
    const found = outcome(meddled);
    expect(Object.fromEntries(Object.entries(found).map(([name, text]) => [name, text.split(':')[0]]))).toEqual(
      Object.fromEntries(['newest rows', ...checks.map(({ name }) => name)].map((name) => [name, 'failed'])),
    );
    expect(found['revenue']).toBe('failed: 20050.00, where the source answered 125125.00.');
    expect(found['orphans']).toBe('failed: 1, where 0 was expected. The source answered at the fence: 0.');
    expect(found['orders']).toBe('failed: 400; expected: 500 to 2000. The source answered at the fence: 1000.');
    expect(found['about as many']).toBe('failed: 400, and 1000 on the source: 600 apart; expected: at most 1%.');
    expect(found['visits']).toBe('failed: 49, where the source answered 50.');
    expect(found['newest order']).toMatch(
      /^failed: .*3 h \d+ min before the moment that was restored; expected: at most 1h before\./,
    );
    expect(meddled.find(({ name }) => name === 'newest rows')?.problems).toEqual([
      { object: 'postgres.sales.orders.at', detail: expect.stringMatching(/^newest 20.* -> 20/) as string },
    ]);
    // Names of people stand neither in the checks nor in what is kept beside the evidence.
    expect(JSON.stringify(meddled)).not.toMatch(/Customer 1|Grace Hopper/);
    const { business } = await readKeptFingerprint(shop.repository, taken.fingerprint);
    expect(JSON.stringify(business?.replies.map(({ reply }) => reply))).not.toContain('Customer 1');
  });

  it('is judged by the data of the fence while the source goes on', async () => {
    startLoad(shop, `insert into sales.orders (customer, total) values (1 + random() * 99, random() * 100);`);
    const count = async () => (await shop.sql<{ n: number }>('select count(*)::int as n from sales.orders'))[0]!.n;
    await expect.poll(count, { timeout: 60_000 }).toBeGreaterThan(1000);
    const taken = await capture(checks.filter(({ name }) => name !== 'orders'));
    const sandbox = await restore(taken);
    const validated = await validate(sandbox, taken);
    expect(judge(validated)).toMatchObject({ verdict: 'passed' });
    const { figures } = validated.find(({ name }) => name === 'business: about as many')!;
    expect(figures['answer']).toBe(figures['source']);
    expect(Number(figures['answer'])).toBeGreaterThan(1000);
    // The source went on meanwhile: equality was not for want of writes.
    await expect.poll(count, { timeout: 60_000 }).toBeGreaterThan(Number(figures['answer']));
    const newest = validated.find(({ name }) => name === 'business: newest order')!.figures;
    expect(newest['answer']).toBe(newest['source']);
  });
});

/** What the source said to each check, as `cause: reason`, or its answer. */
async function repliesTo(questions: Readonly<Record<string, string>>, more: Partial<BusinessCheck> = {}) {
  const checks = Object.entries(questions).map(([name, sql]) => check(name, sql, { equals: 'source' }, more));
  const { business } = await readKeptFingerprint(shop.repository, (await capture(checks)).fingerprint);
  return Object.fromEntries(
    business!.replies.map(({ check: { name }, reply: { answer } }) => [
      name,
      isAnswer(answer) ? describeAnswer(answer) : `${answer.cause}: ${answer.reason}`,
    ]),
  );
}

async function withSnapshot(work: (snapshot: string) => Promise<void>): Promise<void> {
  await withConnection(shop.patient.connection, async (client) => {
    await client.query('begin isolation level repeatable read read only');
    const { rows } = await client.query<{ snapshot: string }>('select pg_export_snapshot() as snapshot');
    await work(rows[0]!.snapshot);
  });
}

async function askSource(sql: string, snapshot: string | undefined) {
  const { connection } = shop.patient;
  const { signal } = new AbortController();
  return (await ask({ connection, database: 'postgres', snapshot, signal }, { sql, timeoutMs: 10_000 })).answer;
}

async function sourceState(): Promise<unknown> {
  return await shop.sql(`
    select (select count(*) from sales.log) as logged, (select count(*) from sales.orders) as orders,
           (select count(*) from pg_class) as relations, (select count(*) from pg_prepared_xacts) as prepared,
           (select setting from pg_settings where name = 'default_transaction_read_only') as setting`);
}

describe('a question can do nothing on the source but ask', () => {
  it.each([
    ['an insert', `insert into sales.log default values`, /syntax error/],
    [
      'a write behind a with',
      `with w as (insert into log default values returning 1) select * from w`,
      /must not contain data-modifying/,
    ],
    ['a function that writes', `select writes()`, /cannot execute INSERT in a read-only transaction/],
    [
      'a function that lifts the read-only first',
      `select opens()`,
      /transaction read-write mode must be set before any query/,
    ],
    [
      'lifting it and then writing',
      `select set_config('transaction_read_only', 'off', false), writes()`,
      /must be set before any query/,
    ],
    ['a function that commits', `select commits()`, /invalid transaction termination/],
    ['a function that takes another role', `select rises()`, /permission denied to set role/],
    ['a second statement', `select 1; insert into sales.log default values`, /cannot insert multiple commands/],
    [
      'the end of the transaction first',
      `select 1; commit; insert into sales.log default values`,
      /cannot insert multiple commands/,
    ],
    ['a prepared transaction', `prepare transaction 'stays'`, /syntax error/],
    ['a commit', `commit`, /syntax error/],
    ['copying to a file', `copy sales.orders to '/tmp/pgdrill-copied'`, /syntax error/],
    [
      'a lock on rows',
      `select * from orders for update`,
      /cannot execute SELECT FOR UPDATE in a read-only|DECLARE CURSOR/,
    ],
    ['select into', `select 1 as a into sales.fresh`, /syntax error|SELECT INTO|INTO/],
    ['a sequence', `select nextval('orders_id_seq')`, /cannot execute nextval\(\) in a read-only|permission denied/],
  ])('not %s', async (_, sql, message) => {
    const before = await sourceState();
    await withSnapshot(async (snapshot) => {
      // With and without one: as the source is asked, and as the sandbox is.
      for (const each of [snapshot, undefined]) {
        const answer = await askSource(sql, each);
        expect(answer).toMatchObject({ cause: 'refusal', reason: expect.stringMatching(message) as string });
      }
    });
    expect(await sourceState()).toEqual(before);
  });

  it('not a function that writes, in a whole capture', async () => {
    const before = await sourceState();
    expect(await repliesTo({ writes: 'select writes()' })).toEqual({
      writes: 'refusal: cannot execute INSERT in a read-only transaction (SQLSTATE 25006)',
    });
    expect(await sourceState()).toEqual(before);
  });

  it('and keeps nothing behind', async () => {
    const replies = await repliesTo({
      locks: `select pg_advisory_lock(4711)`,
      settings: `select set_config('default_transaction_read_only', 'off', false)`,
    });
    expect(replies).toEqual({
      locks: expect.stringMatching(/^1 row/) as string,
      settings: expect.stringMatching(/^1 row/) as string,
    });
    await expect.poll(() => shop.sql(`select 1 from pg_locks where locktype = 'advisory'`)).toEqual([]);
  });

  it('is not run as a superuser', async () => {
    const checks = [check('one', 'select 1', { value: 1 })];
    const options = { connection: shop.admin, database: 'postgres', signal: new AbortController().signal };
    const { answer } = await ask(options, { sql: checks[0]!.sql, timeoutMs: 10_000 });
    expect(answer).toEqual({ cause: 'circumstance', reason: expect.stringContaining('is a superuser') as string });
  });
});

describe('what cannot be answered', () => {
  it('on the source is said, whatever the reason', async () => {
    const replies = await repliesTo({
      'no table': 'select * from nowhere',
      'no privilege': `select pg_read_file('/etc/hostname')`,
      'quotes a name': `select name::int from customers`,
      raises: 'select tells()',
      'too many rows': 'select generate_series(1, 20000)',
      null: 'select null::int',
      nothing: 'select 1 where false',
    });
    expect(replies).toEqual({
      'no table': 'refusal: relation "nowhere" does not exist (SQLSTATE 42P01)',
      'no privilege': 'refusal: permission denied for function pg_read_file (SQLSTATE 42501)',
      // The server’s messages would be: invalid input syntax … "Customer 1"; Ada Lovelace.
      'quotes a name': 'refusal: an error that may quote data (SQLSTATE 22P02)',
      raises: 'refusal: an error that may quote data (SQLSTATE P0001)',
      'too many rows': 'circumstance: the answer has more than 10000 rows: let the query sum them up',
      null: 'NULL',
      nothing: 'no row',
    });
    expect(await repliesTo({ elsewhere: 'select 1' }, { database: 'third' })).toEqual({
      elsewhere: 'refusal: there is no database "third" that takes connections',
    });
  });

  it('in time is unproven, on the source as in the sandbox; what fails in the sandbox alone has failed', async () => {
    const checks = [
      check('slow source', 'select pg_sleep(60)', { equals: 'source' }, { timeout: '200ms' }),
      check('no such column', 'select missing from orders', { equals: 'source' }),
      check('slow sandbox', 'select open_orders()', { equals: 'source' }, { timeout: '5s' }),
      check('gone in the sandbox', 'select count(*) from log', { equals: 'source' }),
      check('no number', `select 'a few'`, { range: { min: 1 } }),
      check('no zone', 'select max(at)::timestamp from orders', { max_age: '1h' }),
      check('fails on both', 'select count(*) from customers', { value: -1 }),
    ];
    const taken = await capture(checks);
    const sandbox = await restore(taken);
    await inSandbox(sandbox, (client) =>
      client.query(`
        create or replace function sales.open_orders() returns bigint language sql stable return (select count(*) from sales.orders, pg_sleep(60));
        drop table sales.log cascade`),
    );
    const validated = await validate(sandbox, taken);
    expect(outcome(validated)).toMatchObject({
      'slow source':
        'unproven: The source could not answer: canceling statement due to statement timeout (SQLSTATE 57014); its timeout is 0.2 s.',
      'no such column': 'unproven: The source could not answer: column "missing" does not exist (SQLSTATE 42703).',
      'slow sandbox':
        'unproven: The restored database could not answer: canceling statement due to statement timeout (SQLSTATE 57014); its timeout is 5 s.',
      'gone in the sandbox':
        'failed: The restored database could not answer: relation "log" does not exist (SQLSTATE 42P01). The source answered: 0.',
      'no number': 'unproven: The answer is no number: this expectation is for one.',
      'no zone': expect.stringMatching(
        /^unproven: The answer is no timestamp with time zone; let the query make one/,
      ) as string,
      'fails on both':
        'failed: 100, where -1 was expected. The source answered the same at the fence: look at the data, not at the backup.',
    });
  });

  it('because its table was truncated, rewritten or replaced after the fence is never called a difference', async () => {
    await shop.sql(`
      create table sales.emptied (n int); insert into sales.emptied select generate_series(1, 10);
      create table sales.swapped (n int); insert into sales.swapped select generate_series(1, 10);
      create table sales.kept (n int primary key); insert into sales.kept select generate_series(1, 10);
      create view sales.behind as select * from sales.emptied`);
    await withSnapshot(async (snapshot) => {
      await shop.sql(`
        truncate sales.emptied;
        create table sales.fresh (n int); alter table sales.swapped rename to older; alter table sales.fresh rename to swapped;
        create index on sales.kept (n desc);
        insert into sales.kept values (11)`);
      const tables = { emptied: 'emptied', behind: 'emptied', swapped: 'swapped', older: 'older' };
      for (const [table, named] of Object.entries(tables)) {
        expect(await askSource(`select count(*) from ${table}`, snapshot)).toEqual({
          cause: 'circumstance',
          reason: expect.stringContaining(`sales.${named} was truncated, rewritten or replaced`) as string,
        });
      }
      expect(await askSource('select count(*) from kept', snapshot)).toMatchObject({ value: '10' });
    });
    await shop.sql(`drop view sales.behind; drop table sales.emptied, sales.swapped, sales.older, sales.kept`);
  });
});

it('at another target than the fence, what needs the source is unproven; the rest is judged by the moment of the target', async () => {
  const checks = [
    check('revenue', 'select sum(total) from orders', { equals: 'source' }),
    check('about as many', 'select count(*) from orders', { rows: { tolerance: 5 } }),
    check('some orders', 'select count(*) from sales.orders', { range: { min: 1 } }),
    check('newest order', 'select max(at) from sales.orders', { max_age: '1m' }),
    check('no customer left', 'select count(*) from sales.customers', { value: 0 }),
    check('no table', 'select 1 from nowhere', { value: 1 }),
  ];
  await shop.sql('insert into sales.orders (customer, total) values (1, 1)');
  await shop.archive();
  const { sandbox, replay } = await restoreTo(shop, 'latest');
  made.push(sandbox);
  const everything = async (asOf: string | undefined): Promise<Check[]> => {
    const { checks: validated } = await validateRestore(
      shop.tools,
      {
        repository: shop.repository,
        sandbox,
        role: 'pgdrill',
        capture: undefined,
        connections: 2,
        business: { checks, database: 'postgres', asOf },
      },
      standaloneContext('validate'),
    );
    return validated;
  };
  const at = async (asOf: string | undefined) => outcome(await everything(asOf));
  // The wall's clock has nothing to do with it: an hour later the same restore is as good.
  expect(await at(restoredMoment('latest', replay.lastCommitAt))).toEqual({
    'newest rows': expect.stringMatching(
      /^unproven: Not compared: nothing is known of the source at this target\. The youngest, postgres\.sales\.orders\.at, lies /,
    ) as string,
    revenue: expect.stringMatching(
      /^unproven: The restored database could not answer: relation "orders" does not exist/,
    ) as string,
    'about as many': expect.stringMatching(/^unproven: /) as string,
    'some orders': expect.stringMatching(/^passed: \d+; expected: at least 1\.$/) as string,
    'newest order': expect.stringMatching(/^passed: 20.*before the moment that was restored/) as string,
    'no customer left': 'failed: 100, where 0 was expected.',
    'no table': expect.stringMatching(/^unproven: .* Whether the source could is not known\.$/) as string,
  });
  const late = new Date(Date.parse(replay.lastCommitAt!) + 3_600_000).toISOString();
  expect((await at(restoredMoment(`time=${late}`, replay.lastCommitAt)))['newest order']).toMatch(
    /^failed: .*60 min \d+ s before/,
  );
  expect((await at(undefined))['newest order']).toMatch(/^unproven: .*which moment was restored is not known/);
  // A role that is not there at the target keeps nothing else from being checked.
  await inSandbox(sandbox, (client) => client.query('alter role pgdrill nologin'));
  const without = await everything(replay.lastCommitAt);
  expect(Object.values(outcome(without)).filter((text) => !text.startsWith('unproven: '))).toEqual([]);
  expect(without.find(({ name }) => name === 'writes')?.status).toBe('passed');
});

describe('the timestamps that are looked at', () => {
  it('lead a whole B-tree index of a logged table, partitioned tables and big ones first', async () => {
    await shop.sql('create database dated');
    await shop.sql(
      `
      create table small (at timestamptz primary key, other timestamptz, day date); create index on small (day);
      create table big (id int, made timestamp, changed timestamptz, seen timestamptz, gone timestamptz);
      insert into big select n, now() - n * interval '1 hour', now() - n * interval '1 minute', now(), now() from generate_series(1, 5000) n;
      create index on big (made desc nulls last); create index on big (changed, id);
      create index on big (seen) where id < 10; create index on big using brin (gone); create index on big (id, gone);
      create unlogged table fleeting (at timestamptz primary key);
      create table parted (at timestamptz primary key) partition by range (at);
      create table parted_1 partition of parted for values from ('2020-01-01') to ('2021-01-01');
      insert into parted values ('2020-06-01 12:00+00');
      create schema "Odd one"; create table "Odd one"."a table" ("select" timestamptz primary key);
      analyze`,
      'dated',
    );
    const options = {
      connection: shop.patient.connection,
      database: 'dated',
      signal: new AbortController().signal,
    };
    const { columns, leftOut } = await listTimestamps(options);
    expect(columns.map(({ schema, table, column, zoned }) => [schema, table, column, zoned])).toEqual([
      ['public', 'parted', 'at', true],
      ['public', 'big', 'made', false],
      ['public', 'big', 'changed', true],
      ['Odd one', 'a table', 'select', true],
      ['public', 'small', 'at', true],
    ]);
    expect(leftOut).toBe(0);
    const newest = await readNewest(options, columns);
    const expected = await shop.sql<{ text: string | null }>(
      `select max(at)::text as text from parted union all select max(made)::text from big union all select max(changed)::text from big`,
      'dated',
    );
    expect(newest.map((each) => each.newest)).toEqual([...expected.map(({ text }) => text), null, null]);

    await shop.sql(
      Array.from({ length: 30 }, (_, n) => `create table t${n} (at timestamptz primary key);`).join(''),
      'dated',
    );
    const many = await listTimestamps(options);
    expect({ looked: many.columns.length, leftOut: many.leftOut }).toEqual({ looked: 20, leftOut: 15 });
  });

  it('that may not be read, or were emptied after the fence, are said', async () => {
    await shop.sql(`
      create table sales.hidden (at timestamptz primary key); alter table sales.hidden enable row level security;
      create table sales.dated (at timestamptz primary key); insert into sales.dated values (now())`);
    const { connection } = shop.patient;
    await withSnapshot(async (snapshot) => {
      await shop.sql('truncate sales.dated');
      const options = { connection, database: 'postgres', snapshot, signal: new AbortController().signal };
      const { columns } = await listTimestamps(options);
      const newest = await readNewest(options, columns);
      const of = (name: string) => newest.find(({ table }) => table === name)?.newest;
      expect(of('hidden')).toMatchObject({
        cause: 'refusal',
        reason: expect.stringContaining('row-level security') as string,
      });
      expect(of('dated')).toMatchObject({
        cause: 'circumstance',
        reason: expect.stringContaining('truncated') as string,
      });
      expect(of('orders')).toMatch(/^20/);
    });
    await shop.sql('drop table sales.hidden, sales.dated');
  });
});
