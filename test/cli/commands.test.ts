import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { makePrivateDirectory, writeFileDurably } from '../../src/files/durable.js';
import { type DrillResult, drillResultSchema } from '../../src/schema/evidence.js';
import { startTestCluster } from '../support/cluster.js';
import { leftovers } from '../support/leftovers.js';
import { configure, forgetAnswers } from '../support/pgdrill-config.js';
import { type CommandResult, eventually, launch, pgdrill, pgdrillOnTerminal } from '../support/programs.js';
import { pgdrillRole, protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { freePort } from '../support/scratch.js';
import { type RunningWorker, startTestTemporal, startWorker, type TestTemporal } from '../support/temporal.js';

let temporal: TestTemporal;
let shop: ProtectedCluster;
let loaded: LoadedConfiguration;
let worker: RunningWorker;
let env: Record<string, string>;

beforeAll(async () => {
  temporal = await startTestTemporal();
  shop = await protectCluster();
  await shop.sql('create table orders (id int); insert into orders select generate_series(1, 1000)');
  loaded = await configure(shop);
  env = { ...temporal.env, PGDRILL_CONFIG: loaded.path };
  worker = await startWorker(temporal, loaded);
});

afterAll(async () => {
  await worker.stop();
  await shop.remove();
  await temporal.stop();
});

afterEach(async () => {
  expect(await leftovers(shop)).toEqual([]);
});

describe('what a command prints', { timeout: 120_000 }, () => {
  test('backup, backups, drill and status give one JSON document each', async () => {
    expect(document(await pgdrill(['backups', 'shop', '--json'], { env }))).toEqual([]);
    const empty = await pgdrill(['backups', 'shop'], { env });
    expect(empty.stdout).toContain('pgdrill backup shop');

    const full = await pgdrill(['backup', 'shop', '--json'], { env });
    expect(document(full)).toMatchObject({ type: 'full', cluster: 'shop' });
    const next = await pgdrill(['--json', 'backup', 'shop', '--type', 'incremental'], { env });
    expect(document(next)).toMatchObject({ type: 'incremental', parent: document<{ id: string }>(full).id });
    expect(next.stderr).toMatch(/started backup-shop-/);
    expect(next.stderr).toMatch(/incremental backup/);
    // What went wrong beside the backup is the person's to know.
    const spoken = await pgdrill(['backup', 'shop', '--type', 'incremental'], { env });
    expect(spoken.stdout).toMatch(/verified\.\n.*\nWarning: No catalog is configured/);
    const ids = document<{ id: string }[]>(await pgdrill(['backups', 'shop', '--json'], { env })).map(({ id }) => id);
    expect(ids).toEqual([
      document<{ id: string }>(full).id,
      document<{ id: string }>(next).id,
      spoken.stdout.split(':')[0],
    ]);
    const listed = await pgdrill(['backups', 'shop'], { env });
    expect(listed.stdout).toMatch(/ID +BUILDS ON +LSN.* PROOF/);
    expect(listed.stdout).toMatch(/-full .*verified, not proven by any drill/);
    expect(listed.stdout).toMatch(/-incremental .*judged, not proven by any drill/);

    const drill = await pgdrill(['drill', 'shop', '--json', '--id', 'nightly'], { env });
    const result = document<DrillResult>(drill);
    // Such as of listeners that pile up while it is followed.
    expect(drill.stderr).not.toContain('Warning');
    expect(drillResultSchema.parse(result)).toEqual(result);
    expect({ exitCode: drill.exitCode, verdict: result.verdict }).toEqual({ exitCode: 0, verdict: 'passed' });
    expect(result.id).toMatch(/^nightly-/);
    expect(result.target).toBe('fence');
    expect(result.chain.map(({ type }) => type)).toEqual(['full', 'incremental', 'incremental']);
    expect(typeof result.rtoSeconds).toBe('number');
    expect(Object.keys(result.rpo!)).toEqual(expect.arrayContaining(['seconds', 'bytes', 'transactions']));
    expect(JSON.parse(await readFile(result.evidencePath!, 'utf8'))).toMatchObject({ id: result.id });

    const proven = await pgdrill(['backups', 'shop'], { env });
    expect(proven.stdout).toMatch(new RegExp(`-full .*part of a chain proven by ${result.id} at `));
    expect(proven.stdout).toMatch(new RegExp(`-incremental .* proven by ${result.id} at `));
    expect(document(await pgdrill(['backups', 'shop', '--json'], { env }))).toMatchObject([
      { type: 'full', standing: 'part of a proven chain', drill: { id: result.id } },
      { type: 'incremental', standing: 'part of a proven chain', drill: { id: result.id } },
      { type: 'incremental', standing: 'proven', drill: { id: result.id } },
    ]);

    const runs = document<{ id: string; status: string }[]>(await pgdrill(['status', '--json'], { env }));
    expect(runs[0]).toMatchObject({ id: 'nightly', kind: 'drill', status: 'completed' });
    const one = document(await pgdrill(['status', 'nightly', '--json'], { env }));
    expect(one).toMatchObject({ id: 'nightly', status: 'completed', result: { verdict: 'passed' } });
    const shown = await pgdrill(['status', 'nightly'], { env });
    expect(shown.stdout).toMatch(/nightly +completed, verdict passed/);
    expect(shown.stdout).toMatch(/RTO\/RPO recording/);
    const followed = await pgdrill(['status', 'nightly', '--follow', '--json'], { env });
    expect(document(followed)).toMatchObject({ id: 'nightly', status: 'completed' });
  });

  test('a drill that is detached goes on, and is decided and followed by its id', async () => {
    const started = await pgdrill(['drill', 'shop', '--id', 'gated', '--gate', 'restore', '--detach', '--json'], {
      env,
    });
    expect(started.exitCode).toBe(0);
    expect(document(started)).toEqual({ id: 'gated', detached: true });
    await eventually('the gate', async () => {
      const run = document<{ progress?: { waiting?: object } }>(await pgdrill(['status', 'gated', '--json'], { env }));
      return run.progress?.waiting;
    });
    expect((await pgdrill(['status', 'gated'], { env })).stdout).toContain('pgdrill approve gated');
    expect((await pgdrill(['status'], { env })).stdout).toMatch(/gated +running .* waits at gate restore/);
    expect((await pgdrill(['approve', 'gatde'], { env })).stderr).toContain('no workflow gatde. Did you mean gated?');
    await watchOnTerminal('gated');
    const again = await pgdrill(['drill', 'shop', '--id', 'gated'], { env });
    expect(again).toMatchObject({ exitCode: 64 });
    expect(again.stderr).toContain('gated runs already');
    const rejected = await pgdrill(['reject', 'gated', '--by', 'ada', '--json'], { env });
    expect(document(rejected)).toMatchObject({ id: 'gated', gate: 'restore', decision: 'reject', by: 'ada' });
    const followed = await pgdrill(['status', 'gated', '--follow'], { env });
    expect(followed.stdout).toContain('unproven');
    const late = await pgdrill(['approve', 'gated'], { env });
    expect(late).toMatchObject({ exitCode: 64 });
    expect(late.stderr).toContain('gated has ended');
  });
});

describe('what a command refuses', { timeout: 120_000 }, () => {
  const drill = (...args: string[]) => pgdrill(['drill', 'shop', '--json', ...args], { env });

  test.each([
    ['an unknown cluster', 78, ['drill', 'shoop'], /no cluster "shoop".*Did you mean "?shop/s],
    ['an unknown cluster, for a backup', 78, ['backup', 'shoop'], /no cluster "shoop"/],
    [
      'a configuration file that does not exist',
      78,
      ['drill', 'shop', '--config', '/tmp/no/such.yaml'],
      /such\.yaml.*does not exist/s,
    ],
    ['a target that is none', 64, ['drill', 'shop', '--target', 'yesterday'], /"yesterday" is none of fence, latest/],
    ['a time without a zone', 64, ['drill', 'shop', '--target', 'time=2026-01-01 00:00:00'], /time zone/],
    ['a fence for a recovery', 64, ['recover', 'shop', '--into', '/tmp/x', '--target', 'fence'], /no fence/],
    ['a gate timeout that is none', 64, ['drill', 'shop', '--gate-timeout', 'soon'], /duration such as/],
    ['an unknown option', 64, ['drill', 'shop', '--tarket', 'latest'], /unknown option '--tarket'.*--target/s],
    ['an unknown command', 64, ['dril', 'shop'], /unknown command 'dril'.*drill/s],
    ['a missing argument', 64, ['drill'], /missing required argument 'cluster'/],
    ['a missing option', 64, ['recover', 'shop'], /--into/],
    ['a word that is no choice', 64, ['backup', 'shop', '--type', 'weekly'], /Allowed choices are full, incremental/],
    ['a decision about an unknown run', 64, ['approve', 'no-such-drill'], /no workflow no-such-drill/],
    [
      'a rejection of an unknown run',
      64,
      ['reject', 'no-such-drill', '--gate', 'promote'],
      /no workflow no-such-drill/,
    ],
    ['the status of an unknown run', 64, ['status', 'no-such-drill'], /no workflow no-such-drill/],
    ['a live view without a terminal', 64, ['status', '--watch'], /--watch is for people/],
    ['to follow everything', 64, ['status', '--follow'], /--follow needs the id of a run/],
    ['following an unknown run', 64, ['status', 'no-such-drill', '--follow'], /no workflow no-such-drill/],
  ] as const)('%s: exit code %i', async (_what, exitCode, args, message) => {
    const said = await pgdrill([...args, '--json'], { env });
    expect(said.stderr).toMatch(message);
    expect(said.stderr).not.toMatch(/^ +at /m); // no stack trace
    expect(said.exitCode).toBe(exitCode);
    expect(document<{ error: { message: string } }>(said).error.message).toMatch(message);
  });

  test('to run without any configuration, and shows the least that works', async () => {
    const said = await pgdrill(['backups', 'shop'], { env: { PGDRILL_CONFIG: '' }, cwd: shop.scratch });
    expect(said).toMatchObject({ exitCode: 78, stdout: '' });
    expect(said.stderr).toMatch(/clusters:\n +shop:\n +connection:/);
  });

  test('to go on where Temporal does not answer, and says how to start it', async () => {
    const said = await pgdrill(['drill', 'shop', '--json'], {
      env: { ...env, TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` },
    });
    expect(said.exitCode).toBe(69);
    expect(said.stderr).toMatch(/Temporal at 127\.0\.0\.1:\d+ cannot be reached.*pgdrill dev/s);
    expect(document(said)).toMatchObject({ error: { type: 'UnreachableError' } });
  });

  test('a target in the future, before anything is restored', async () => {
    const said = await drill('--target', 'time=2099-01-01 00:00:00+00', '--id', 'too-early');
    expect(said.exitCode).toBe(64);
    expect(document(said)).toMatchObject({ verdict: 'unproven', error: { type: 'TargetError' } });
    expect(said.stderr).toMatch(/lies in the future/);
    const shown = await pgdrill(['status', 'too-early'], { env });
    expect(shown.stdout).toMatch(/too-early +failed, verdict unproven/);
    expect(shown.stdout).toMatch(/TargetError: .*lies in the future.*To do: /s);
  });

  test('a source that refuses the password', async () => {
    const hba = join(shop.source.dataDirectory, 'pg_hba.conf');
    const own = await readFile(hba, 'utf8');
    await writeFileDurably(hba, `local all,replication pgdrill scram-sha-256\n${own}`);
    await shop.sql(`alter role pgdrill password 'right'; select pg_reload_conf()`);
    try {
      const said = await pgdrill(['doctor', 'shop', '--json'], { env: { ...env, PGPASSWORD: 'wrong' } });
      expect(said.exitCode).toBe(69);
      expect(document(said)).toMatchObject({ error: { type: 'AccessError' } });
      expect(said.stderr).toMatch(/refuses the connection.*passfile/s);
      expect(said.stderr).not.toContain('wrong');
      const run = await drill();
      expect(run.exitCode).toBe(69);
      expect(document(run)).toMatchObject({ verdict: 'unproven', error: { type: 'AccessError' } });
    } finally {
      await writeFileDurably(hba, own);
      await shop.sql(`select pg_reload_conf()`);
    }
  });

  test('a source without WAL summaries, until doctor --fix has switched them on', async () => {
    await shop.sql(`alter system set summarize_wal = off`);
    await shop.sql(`select pg_reload_conf()`);
    const sick = await pgdrill(['doctor', 'shop'], { env });
    expect(sick.exitCode).toBe(1);
    expect(sick.stdout).toMatch(/alter system set summarize_wal = (on|'on')/i);
    const run = await drill();
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toMatch(/summarize_wal/);
    const fixed = await pgdrill(['doctor', 'shop', '--fix', '--as', 'user=postgres', '--json'], { env });
    expect(fixed.exitCode).toBe(0);
    expect(document<{ fixed: { done: string[] } }[]>(fixed)[0]!.fixed.done.join()).toMatch(/summarize_wal/);
    const well = await pgdrill(['doctor', '--json'], { env });
    expect(well.exitCode).toBe(0);
    const findings = document<{ cluster: string; findings: { level: string }[] }[]>(well);
    expect(findings.map(({ cluster }) => cluster)).toEqual(['shop']);
    expect(findings[0]!.findings.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('a source that is down', async () => {
    await shop.source.stop();
    await forgetAnswers(loaded);
    try {
      const said = await drill();
      expect(said.exitCode).toBe(69);
      expect(document(said)).toMatchObject({ verdict: 'unproven', error: { type: 'UnreachableError' } });
      expect((await pgdrill(['doctor', 'shop'], { env })).exitCode).toBe(69);
      expect((await pgdrill(['backups', 'shop'], { env })).exitCode).toBe(0);
    } finally {
      await shop.source.start();
    }
  });
});

test(
  'a worker in the foreground says in one document where it polls, or why it cannot',
  { timeout: 120_000 },
  async () => {
    const own = await launch('src/cli/main.js', ['worker', '--json'], env, /polling task queue/);
    await eventually('the document', () => (own.stdout() === '' ? undefined : true));
    expect(await own.kill('SIGTERM')).toBe(0);
    expect(JSON.parse(own.stdout())).toEqual({
      taskQueue: loaded.configuration.temporal.task_queue,
      temporalAddress: temporal.env['TEMPORAL_ADDRESS'],
      namespace: temporal.env['TEMPORAL_NAMESPACE'] ?? 'default',
      workerPid: expect.any(Number) as number,
    });
    const nowhere = await pgdrill(['worker', '--json'], { env: { ...env, TEMPORAL_ADDRESS: '127.0.0.1:1' } });
    expect(nowhere.exitCode).toBe(69);
    expect(document(nowhere)).toMatchObject({ error: { type: 'UnreachableError' } });
  },
);

test('doctor --fix sets up a new cluster, and says what needs a restart', { timeout: 120_000 }, async () => {
  const fresh = await startTestCluster(shop.scratch, { name: 'fresh' });
  try {
    const client = await fresh.connect();
    await client.query(pgdrillRole);
    await client.end();
    const repository = join(shop.scratch, 'fresh-repository');
    await makePrivateDirectory(repository);
    const path = join(shop.scratch, 'fresh.yaml');
    await writeFileDurably(
      path,
      `state_directory: ${shop.scratch}/state\nclusters:\n  fresh:\n    connection: ${fresh.conninfo({ user: 'pgdrill' })}\n    repository: ${repository}\n    archive_timeout: 10s\n`,
    );
    const own = { ...temporal.env, PGDRILL_CONFIG: path };
    const before = await pgdrill(['doctor', 'fresh'], { env: own });
    expect(before.exitCode).toBe(1);
    expect(before.stdout).toContain('pgdrill doctor fresh --fix');
    const fix = await pgdrill(['doctor', 'fresh', '--fix', '--as', 'user=postgres'], { env: own });
    expect(fix.stderr).toMatch(/restart/);
    expect(fix.exitCode).toBe(1);
    await fresh.restart();
    const after = await pgdrill(['doctor', 'fresh'], { env: own });
    expect(after).toMatchObject({ exitCode: 0 });
  } finally {
    await fresh.remove();
  }
});

/** A live view of a run at its gate, and following it: Ctrl-C ends both, and the run goes on. */
async function watchOnTerminal(id: string): Promise<void> {
  const view = pgdrillOnTerminal(['status', '--watch'], env);
  const following = pgdrillOnTerminal(['status', id, '--follow'], env);
  try {
    for (const { output } of [view, following])
      await eventually('the gate', () => /gate restore has waited for/.exec(output()) ?? undefined);
    expect(view.output()).toContain(`pgdrill approve ${id}`);
    expect(view.output()).toContain('\u001b[1mpgdrill'); // bold: it is a terminal
    view.type('\u0003');
    following.type('\u0003');
    expect([await view.exitCode, await following.exitCode]).toEqual([0, 0]);
    // What was drawn last is wiped away, up to its first line.
    expect(view.output().endsWith('\u001b[1A\u001b[2K\u001b[G')).toBe(true);
    expect(following.output()).toContain(`${id} goes on. Come back with: pgdrill status ${id} --follow`);
  } finally {
    view.kill();
    following.kill();
  }
  expect(document(await pgdrill(['status', id, '--json'], { env }))).toMatchObject({ status: 'running' });
}

/** Standard output as the one JSON document that it has to be, of the shape that the caller expects. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- a cast, said once
function document<T = unknown>({ stdout }: CommandResult): T {
  return JSON.parse(stdout) as T;
}
