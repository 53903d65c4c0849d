import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { ApplicationFailure, WorkflowFailedError } from '@temporalio/client';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { withCatalog } from '../../src/catalog/catalog.js';
import { writeFileDurably } from '../../src/files/durable.js';
import { withConnection } from '../../src/postgres/connection.js';
import { compareLsn, lsnDistanceBytes } from '../../src/postgres/lsn.js';
import { clusterFingerprintSchema } from '../../src/proof/fingerprint-schema.js';
import { sandboxConninfo } from '../../src/restore/sandbox.js';
import { type DrillResult, evidenceSchema } from '../../src/schema/evidence.js';
import type { Sandbox } from '../../src/schema/results.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import { historyText } from '../support/history-text.js';
import { leftovers } from '../support/leftovers.js';
import { startPgbench } from '../support/pgbench.js';
import { pgdrill } from '../support/programs.js';
import { listRecoveries } from '../support/read-catalog.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { start, withWorker } from '../support/temporal.js';

/** Would show wherever a connection were copied to. */
const secret = 'hunter2-swordfish';

const businessChecks = `checks:
  balance: { sql: select sum(abalance) from pgbench_accounts, expect: { equals: source } }
  notes: { sql: select count(*) from notes, expect: { value: 2000 } }
  newest note: { sql: select max(at) from notes, expect: { max_age: 1h } }`;

let book: Runbook;
let temporal: Runbook['temporal'];
let shop: Runbook['shop'];
let loaded: Runbook['loaded'];
let env: Runbook['env'];
let catalogUrl: string;

beforeAll(async () => {
  book = await startRunbook({
    protect: { settings: { shared_buffers: '32MB' } },
    sql: `create extension pg_walinspect;
      create table notes (id int primary key, body text, at timestamptz default now(), extra jsonb);
      insert into notes select n, repeat('note ' || n, 20), now(), jsonb_build_object('n', n) from generate_series(1, 2000) n;
      create index on notes (body);`,
    backups: [],
    cluster: `objectives: { rto: 1h, rpo: 1ms }\n${businessChecks}`,
  });
  ({ temporal, shop, loaded, env } = book);
  catalogUrl = await book.catalogUrl();
  await pgbench(['--initialize', '--quiet', '--scale=1']);
  await requirePassword();
});

afterAll(async () => {
  delete process.env['PGPASSFILE'];
  await book.close();
});

afterEach(async () => {
  expect(await leftovers(shop)).toEqual([]);
});

test(
  'a drill under load passes, and its figures are those of the servers themselves',
  { timeout: 300_000 },
  async () => {
    const before = await sourceState();
    const load = await startPgbench(shop);
    const seen: {
      sandbox?: Sandbox;
      rows?: Record<string, string>;
      notes?: object[];
      sums?: object[];
      control?: string;
      history?: string;
      source?: Busy;
      restored?: Busy;
    } = {};
    let result: DrillResult;
    let history: string;
    try {
      [result, history] = await withWorker(
        temporal,
        loaded,
        {
          catalogUrl,
          wrap: (real) => ({
            validateRestore: async (input) => {
              const validation = await real.validateRestore(input);
              seen.sandbox = input.sandbox;
              seen.rows = await countRows(input.sandbox);
              seen.notes = await inSandbox(input.sandbox, digestSql('notes'));
              seen.sums = await inSandbox(
                input.sandbox,
                `select (select sum(delta) from pgbench_history) = (select sum(abalance) from pgbench_accounts) as balanced`,
              );
              await inSandbox(input.sandbox, 'checkpoint');
              seen.control = await controlData(input.sandbox.dataDirectory);
              seen.history = await readFile(join(input.sandbox.dataDirectory, 'pg_wal', '00000002.history'), 'utf8');
              seen.restored = (await inSandbox<Busy>(input.sandbox, digestSql('pgbench_history')))[0]!;
              const snapshot = input.capture?.fence.snapshots[0]?.snapshot ?? '';
              const visible = `pg_visible_in_snapshot(xmin::text::xid8, '${snapshot}'::pg_snapshot)`;
              seen.source = (await shop.sql<Busy>(digestSql('pgbench_history', visible)))[0]!;
              return validation;
            },
          }),
        },
        async () => {
          const handle = await start(temporal, loaded, 'drill', { cluster: 'shop', backup: 'full+incremental' });
          const answer = (await handle.result()) as DrillResult;
          return [answer, await historyText(handle)];
        },
      );
    } finally {
      await load.stop();
    }

    expect(result.reasons.join(' ')).not.toBe('');
    expect({ verdict: result.verdict, checks: statuses(result) }).toEqual({
      verdict: 'passed',
      checks: statuses(result).map(([name]) => [name, 'passed']),
    });
    const business = result.checks.filter(({ name }) => name.startsWith('business: '));
    expect(business.map(({ name }) => name)).toEqual(['business: balance', 'business: notes', 'business: newest note']);
    expect(business[0]?.figures['answer']).toBe(business[0]?.figures['source']);
    expect(result.chain.map(({ type }) => type)).toEqual(['full', 'incremental']);
    expect(result.warnings).toEqual([]);

    // Content, by SQL of this test: as many rows as the source's fingerprint says, in every table of the sandbox ...
    const evidencePath = result.evidencePath!;
    const fingerprint = clusterFingerprintSchema.parse(
      JSON.parse(await readFile(join(evidencePath, '..', 'source-fingerprint.json'), 'utf8')),
    );
    const fingerprinted = fingerprint.databases
      .find(({ database }) => database === 'postgres')!
      .relations.filter(({ kind, schema }) => kind === 'table' && schema === 'public')
      .map(({ name, rows }) => [name, rows]);
    expect(Object.fromEntries(fingerprinted)).toEqual(seen.rows);
    expect(Object.keys(seen.rows ?? {})).toContain('pgbench_history');
    // ... the same rows as the source has in a table at rest, and as the fence's snapshot sees in one that only grows; and the sums that
    // every pgbench transaction keeps equal are equal.
    expect(seen.notes).toEqual(await shop.sql(digestSql('notes')));
    expect(seen.sums).toEqual([{ balanced: true }]);
    expect(seen.restored).toEqual(seen.source);
    expect(Number(seen.restored?.rows)).toBeGreaterThan(0);

    // Place: where the new timeline leaves the old one is the fence, up to the header of a page between two records.
    const { fence } = result;
    const switchpoint = /^1\t([0-9A-F/]+)\t/m.exec(seen.history ?? '')?.[1] ?? '';
    expect(compareLsn(switchpoint, fence!.lsn)).toBeLessThanOrEqual(0);
    expect(lsnDistanceBytes(switchpoint, fence!.lsn)).toBeLessThanOrEqual(40);
    expect(result.replay?.reachedLsn).toBe(switchpoint);
    expect(seen.control).toMatch(/Latest checkpoint's TimeLineID: +2\n/);

    // RPO: the same WAL, counted by the source itself.
    const { sourceLsn, repositoryLsn, transactions, bytes } = result.rpo!;
    const [counted] = await shop.sql<{ commits: string; bytes: string }>(`
    select count(*)::text as commits, pg_wal_lsn_diff('${sourceLsn}', '${repositoryLsn}')::text as bytes
      from pg_get_wal_records_info('${repositoryLsn}', '${sourceLsn}')
     where resource_manager = 'Transaction' and record_type like 'COMMIT%'`);
    expect({ transactions, bytes }).toEqual({ transactions: Number(counted?.commits), bytes: Number(counted?.bytes) });
    expect(transactions).toBeGreaterThan(0);

    // Evidence: whole, private, without secrets; the same verdict and clock.
    const text = await readFile(evidencePath, 'utf8');
    const evidence = evidenceSchema.parse(JSON.parse(text));
    expect((await stat(evidencePath)).mode & 0o777).toBe(0o600);
    expect(evidence.verdict).toBe('passed');
    expect(history).toContain(shop.patient.repository); // its payloads were read
    const kept = await textsIn(shop.patient.repository);
    expect(kept.length).toBeGreaterThan(4); // at least two records, and the evidence in both forms
    const said = [history, ...kept, ...(await textsIn(loaded.stateDirectory))];
    said.push(JSON.stringify(await withCatalog(catalogUrl, (client) => client.query(everyEvent))));
    expect(said.filter((each) => each.includes(secret) || each.includes('PGPASSFILE'))).toEqual([]);
    const { clock } = evidence;
    expect(clock.phases.map(({ name }) => name)).toEqual([
      'plan',
      'fetch',
      'verify',
      'combine',
      'replay',
      'open',
      'validate',
    ]);
    const phases = clock.phases
      .filter(({ name }) => name !== 'validate')
      .reduce((sum, { seconds }) => sum + seconds, 0);
    expect(phases).toBeLessThanOrEqual(clock.rtoSeconds! + 0.1);
    expect(phases + clock.otherSeconds!).toBeCloseTo(clock.rtoSeconds!, 1);
    expect(clock.rtoToProvenSeconds).toBeGreaterThanOrEqual(clock.rtoSeconds!);
    expect(clock.waitedForHumansSeconds).toBe(0);
    expect(evidence.objectives.map(({ name, status }) => [name, status])).toEqual([
      ['rto', 'met'],
      ['rpo', 'missed'],
    ]);

    // Catalog: one row of this run.
    const rows = await withCatalog(catalogUrl, (client) => listRecoveries(client));
    expect(rows).toEqual([
      expect.objectContaining({
        cluster: 'shop',
        kind: 'drill',
        verdict: 'passed',
        status: 'completed',
        evidencePath,
        rpoTransactions: transactions,
      }),
    ]);

    expect(await leftovers(shop, [result.id])).toEqual([]);
    expect(await sourceState()).toEqual(before);
  },
);

test('a row that was changed in the sandbox fails the drill and names its table', { timeout: 180_000 }, async () => {
  const command = await withWorker(
    temporal,
    loaded,
    {
      catalogUrl,
      wrap: (real) => ({
        openSandbox: async (input) => {
          const opened = await real.openSandbox(input);
          await inSandbox(input.sandbox, `update notes set body = body || '!' where id = 1234`);
          return opened;
        },
      }),
    },
    () => pgdrill(['drill', 'shop', '--json', '--id', 'changed-row'], { env }),
  );
  expect(command.exitCode).toBe(1);
  const result = JSON.parse(command.stdout) as DrillResult & { error: { type: string; message: string } };
  expect(result.verdict).toBe('failed');
  expect(result.error).toEqual({ type: 'DrillFailed', message: expect.stringContaining('public.notes') as string });
  const content = result.checks.find(({ name }) => name === 'content')!;
  expect(content.status).toBe('failed');
  expect(content.problems).toHaveLength(1);
  expect(content.problems[0]?.object).toContain('public.notes');
  expect(content.problems[0]?.detail).toContain('id=1234 differs');

  const handle = temporal.client.workflow.getHandle('changed-row');
  expect((await handle.describe()).status.name).toBe('FAILED');
  const failure: unknown = await handle.result().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(WorkflowFailedError);
  expect((failure as WorkflowFailedError).cause).toMatchObject({ type: 'DrillFailed', nonRetryable: true });
  expect((failure as WorkflowFailedError).cause).toBeInstanceOf(ApplicationFailure);
});

test('a table that the role may not read makes the drill unproven, never passed', { timeout: 180_000 }, async () => {
  await shop.sql(
    `create table private (id int); insert into private values (1); alter table private enable row level security`,
  );
  try {
    const command = await withWorker(temporal, loaded, { catalogUrl }, () =>
      pgdrill(['drill', 'shop', '--json'], { env }),
    );
    expect(command.stderr).toContain('unproven');
    const result = JSON.parse(command.stdout) as DrillResult;
    expect({ exitCode: command.exitCode, verdict: result.verdict }).toEqual({ exitCode: 2, verdict: 'unproven' });
    expect(JSON.stringify(result.checks)).toContain('private');
    expect(result.checks.find(({ name }) => name === 'content')?.status).toBe('unproven');
  } finally {
    await shop.sql(`drop table private`);
  }
});

test('a drill to another place than the fence is unproven, and the table on the terminal says why', async () => {
  const command = await withWorker(temporal, loaded, { catalogUrl }, () =>
    pgdrill(['drill', 'shop', '--target', 'latest'], { env }),
  );
  expect(command.exitCode).toBe(2);
  expect(command.stdout).toMatch(/Verdict +unproven/);
  expect(command.stdout).toMatch(/not a fence/);
  // What needs no source is judged all the same, by the moment of the last commit that was replayed.
  expect(command.stdout).toMatch(/business: balance +unproven +Not compared/);
  expect(command.stdout).toMatch(/business: notes +passed +2000, as expected/);
  expect(command.stdout).toMatch(/business: newest note +passed .* before the moment that was restored/);
});

test('a catalog that is down takes nothing from the verdict, and is said', { timeout: 180_000 }, async () => {
  const nowhere = 'postgresql:///postgres?host=%2Ftmp%2Fpgdrill-no-such-directory&port=5432&user=postgres';
  const command = await withWorker(temporal, loaded, { catalogUrl: nowhere }, () =>
    pgdrill(['drill', 'shop', '--backup', 'incremental', '--json'], { env }),
  );
  const result = JSON.parse(command.stdout) as DrillResult;
  expect({ exitCode: command.exitCode, verdict: result.verdict }).toEqual({ exitCode: 0, verdict: 'passed' });
  expect(result.warnings).toEqual([expect.stringContaining('catalog')]);
  // The backup before it could not be noted either.
  const evidence = evidenceSchema.parse(JSON.parse(await readFile(result.evidencePath!, 'utf8')));
  expect(evidence.findings.filter(({ name }) => name === 'catalog')).toEqual([
    { name: 'catalog', level: 'warning', message: expect.stringContaining('could not be written') as string },
  ]);
});

interface Busy {
  rows: string;
  digest: string;
}

/** Which rows a table has, as far as one may see them. */
function digestSql(table: string, visible = 'true'): string {
  return `select count(*)::text as rows, md5(string_agg(t::text, ',' order by t::text)) as digest from ${table} t where ${visible}`;
}

async function inSandbox<Row extends object>(sandbox: Sandbox, sql: string): Promise<Row[]> {
  return await withConnection(sandboxConninfo(sandbox), async (client) => (await client.query<Row>(sql)).rows);
}

async function countRows(sandbox: Sandbox): Promise<Record<string, string>> {
  const tables = await inSandbox<{ name: string }>(
    sandbox,
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relpersistence = 'p'`,
  );
  const counts: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await inSandbox<{ rows: string }>(sandbox, `select count(*)::text as rows from public.${name}`);
    counts[name] = row!.rows;
  }
  return counts;
}

/** What a drill has no business to change: settings, slots, tables, and who is connected. */
async function sourceState(): Promise<unknown> {
  return await shop.sql(`
    select (select json_agg(s order by name) from (select name, setting from pg_settings where name not like 'application%') s) as settings,
           (select count(*) from pg_replication_slots) as slots,
           (select json_agg(oid::regclass::text order by 1) from pg_class where relkind in ('r', 'v', 'S') and oid >= 16384) as relations,
           (select count(*) from pg_stat_activity where usename = 'pgdrill') as connections,
           (select count(*) from pg_prepared_xacts) as prepared`);
}

async function controlData(dataDirectory: string): Promise<string> {
  const { stdout } = await execa(toolPath(shop.tools, 'pg_controldata'), [dataDirectory], {
    env: { ...toolEnvironment(shop.tools), LC_ALL: 'C' },
  });
  return stdout;
}

async function pgbench(args: readonly string[]): Promise<void> {
  await execa(toolPath(shop.tools, 'pgbench'), [...args, '-h', shop.source.directory, '-U', 'postgres', 'postgres'], {
    env: toolEnvironment(shop.tools),
  });
}

const everyEvent =
  'select to_json(e) from pgdrill.monitoring_events e union all select to_json(b) from pgdrill.backup_history b';

/** What programs and people read there: records, evidence, reports, logs. */
async function textsIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && /\.(json|html|md|sql|log)$/.test(entry.name));
  return await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')));
}

/** From here on the role needs its password, which only a passfile holds. */
async function requirePassword(): Promise<void> {
  const passfile = join(shop.scratch, 'passfile');
  await writeFileDurably(passfile, `*:*:*:pgdrill:${secret}\n`);
  await shop.sql(`alter role pgdrill password '${secret}'`);
  const hba = join(shop.source.dataDirectory, 'pg_hba.conf');
  const own = await readFile(hba, 'utf8');
  await writeFileDurably(hba, `local all,replication pgdrill scram-sha-256\n${own}`);
  await shop.sql('select pg_reload_conf()');
  await expect(withConnection(shop.patient.connection, () => Promise.resolve())).rejects.toThrow(/password/);
  process.env['PGPASSFILE'] = passfile;
}

function statuses({ checks }: DrillResult): [string, string][] {
  return checks.map(({ name, status }) => [name, status]);
}
