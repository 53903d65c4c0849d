import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';

import { makePrivateDirectory } from '../../src/files/durable.js';
import { Exposition } from '../../src/metrics/exposition.js';
import { collectRepositories, type MeasuredCluster } from '../../src/metrics/repository-gauges.js';
import { collectRuns } from '../../src/metrics/run-gauges.js';
import { serveMetrics } from '../../src/metrics/serve.js';
import { collectSources } from '../../src/metrics/source-gauges.js';
import { StepCounters } from '../../src/metrics/step-counters.js';
import { openOrCreateRepository } from '../../src/repository/repository.js';
import { backupRecord } from '../catalog/fixtures.js';
import { readPromql } from './promql.js';

let root = '';
const cluster = (name = 'shop'): MeasuredCluster => ({
  name,
  repository: join(root, name),
  walDirectory: join(root, name, 'wal'),
  objectives: { rto: '15m', rtoSeconds: 900, provenWithin: '7d', provenWithinSeconds: 604_800 },
  wal: { mode: 'archive' },
});

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'pgdrill-metrics-'));
  await openOrCreateRepository(cluster());
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(path: string, content: unknown): Promise<void> {
  await makePrivateDirectory(join(root, 'shop', path, '..'));
  await writeFile(join(root, 'shop', path), typeof content === 'string' ? content : JSON.stringify(content));
}

const evidence = (id: string, verdict: string, finishedAt: string, rtoSeconds?: number): Promise<void> =>
  put(`evidence/${id}/evidence.json`, {
    formatVersion: 1,
    kind: 'drill',
    id,
    finishedAt,
    verdict,
    clock: rtoSeconds === undefined ? {} : { rtoSeconds },
    ...(rtoSeconds === undefined ? {} : { rpo: { seconds: 2.5, worst: { seconds: 61 } } }),
  });

test('a repository without backups counts none, and has no times', async () => {
  const text = await new Exposition([collectRepositories([cluster()])]).text();
  expect(text).toContain('pgdrill_repository_readable{cluster="shop"} 1');
  expect(text).toContain('pgdrill_backups{cluster="shop",type="full"} 0');
  expect(text).toContain('pgdrill_objective_seconds{cluster="shop",objective="rto"} 900');
  expect(text).toContain('pgdrill_objective_seconds{cluster="shop",objective="proven_within"} 604800');
  expect(text).not.toMatch(/^pgdrill_backup_last_completed/m);
});

test('the newest backup of each type, unsafe ones, and the newest WAL', async () => {
  const old = backupRecord({ id: 'a', type: 'full', finishedAt: '2026-11-22T02:00:00.000Z', sizeBytes: 10 });
  const full = backupRecord({ id: 'b', type: 'full', finishedAt: '2026-11-23T02:00:00.000Z', sizeBytes: 20 });
  const unsafe = backupRecord({ id: 'c', type: 'incremental', parent: 'b', unsafe: ['it is.'] });
  for (const record of [old, full, unsafe]) await put(`backups/${record.id}/record.json`, record);
  await put('wal/000000010000000000000001', 'x');
  const text = await new Exposition([collectRepositories([cluster()])]).text();
  expect(text).toContain('pgdrill_backups{cluster="shop",type="full"} 2');
  expect(text).toContain('pgdrill_backups_unsafe{cluster="shop"} 1');
  expect(text).toContain('pgdrill_backup_last_size_bytes{cluster="shop",type="full"} 20');
  expect(text).toContain(
    `pgdrill_backup_last_completed_timestamp_seconds{cluster="shop",type="full"} ${Date.parse(full.finishedAt) / 1_000}`,
  );
  expect(text).toMatch(/^pgdrill_wal_last_arrival_timestamp_seconds\{cluster="shop"\} \d+/m);
});

test('drills by verdict; RTO and RPO are those of the newest that measured them; evidence that comes later is seen', async () => {
  const exposition = new Exposition([collectRepositories([cluster()])]);
  await evidence('one', 'passed', '2026-11-22T03:00:00.000Z', 12);
  await evidence('two', 'unproven', '2026-11-23T03:00:00.000Z');
  await put('evidence/three/evidence.json', '{ damaged');
  const before = await exposition.text();
  expect(before).toContain('pgdrill_drills{cluster="shop",verdict="passed"} 1');
  expect(before).toContain('pgdrill_drill_last_rto_seconds{cluster="shop"} 12');
  expect(before).toContain('pgdrill_drill_last_rpo_seconds{cluster="shop"} 2.5');
  expect(before).toContain('pgdrill_drill_last_worst_rpo_seconds{cluster="shop"} 61');
  await evidence('four', 'failed', '2026-11-24T03:00:00.000Z', 20);
  const after = await exposition.text();
  expect(after).toContain('pgdrill_drills{cluster="shop",verdict="failed"} 1');
  expect(after).toContain('pgdrill_drill_last_rto_seconds{cluster="shop"} 20');
});

test('a repository that cannot be read is said to be so, and does not hide the others', async () => {
  const text = await new Exposition([collectRepositories([cluster('gone'), cluster()])]).text();
  expect(text).toContain('pgdrill_repository_readable{cluster="gone"} 0');
  expect(text).not.toMatch(/^pgdrill_drills\{cluster="gone"/m);
  expect(text).toContain('pgdrill_repository_readable{cluster="shop"} 1');
});

test('it is served over HTTP, at /metrics only; a taken port is an error that says so', async () => {
  const server = await serveMetrics(new Exposition([collectRepositories([cluster()])]), { host: '127.0.0.1', port: 0 });
  const { port } = server.address() as AddressInfo;
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await answer.text()).toContain('pgdrill_repository_readable{cluster="shop"} 1');
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
    await expect(serveMetrics(new Exposition([collectRepositories([])]), { host: '127.0.0.1', port })).rejects.toThrow(
      /cannot be served/,
    );
  } finally {
    server.close();
  }
});

/** With everything that a worker collects; the source does not answer. */
const everything = (): Exposition =>
  new Exposition(
    [
      collectRepositories([cluster()]),
      collectSources([{ name: 'shop', connection: { host: root, dbname: 'none' }, wal: { mode: 'archive' } }]),
      collectRuns(() => Promise.resolve([{ kind: 'drill', cluster: 'shop' }])),
    ],
    [new StepCounters().registry],
  );

test('what cannot be reached is said to be so, without figures of it', async () => {
  const text = await new Exposition([
    collectSources([{ name: 'shop', connection: { host: root, dbname: 'none' }, wal: { mode: 'archive' } }]),
    collectRuns(() => Promise.reject(new Error('nobody answers'))),
  ]).text();
  expect(text).toContain('pgdrill_source_reachable{cluster="shop"} 0');
  expect(text).toContain('pgdrill_temporal_reachable 0');
  expect(text).not.toMatch(/^pgdrill_(source_wal|runs|gates)/m);
});

test('gates: how many wait, and since when the longest', async () => {
  const waiting = (since: string) => ({ kind: 'drill', cluster: 'shop', waiting: { gate: 'promote', since } });
  const text = await new Exposition([
    collectRuns(() =>
      Promise.resolve([
        waiting('2026-11-24T03:00:00.000Z'),
        waiting('2026-11-24T02:00:00.000Z'),
        { kind: 'backup', cluster: 'shop' },
      ]),
    ),
  ]).text();
  expect(text).toContain('pgdrill_runs{cluster="shop",kind="drill"} 2');
  expect(text).toContain('pgdrill_gates_waiting{cluster="shop",gate="promote"} 2');
  expect(text).toContain(
    `pgdrill_gate_waiting_since_timestamp_seconds{cluster="shop",gate="promote"} ${Date.parse('2026-11-24T02:00:00.000Z') / 1_000}`,
  );
});

test('attempts at steps by outcome, and retries', async () => {
  const counters = new StepCounters();
  counters.ended('replayWal', 1, 'failed', 2);
  counters.ended('replayWal', 2, 'done', 3);
  const text = await new Exposition([], [counters.registry]).text();
  expect(text).toContain('pgdrill_step_attempts_total{step="replayWal",outcome="failed"} 1');
  expect(text).toContain('pgdrill_step_retries_total{step="replayWal"} 1');
  expect(text).toContain('pgdrill_step_seconds_total{step="replayWal"} 5');
});

test('backups that failed, gaps in the archive, its room and end, and the last verification', async () => {
  await put('failures/one.json', {
    ...{ formatVersion: 1, cluster: 'shop', type: 'full', reason: 'it did', workflowId: 'w', operation: 'o' },
    ...{ startedAt: '2026-11-24T02:00:00.000Z', finishedAt: '2026-11-24T02:01:00.000Z' },
  });
  const full = backupRecord({ id: 'b', type: 'full', startLsn: '0/2000028', endLsn: '0/2000120' });
  await put(`backups/b/record.json`, full);
  for (const segment of [2, 3, 5, 6]) await put(`wal/00000001000000000000000${segment}`, 'xyz');
  const text = await new Exposition([collectRepositories([cluster()])]).text();
  expect(text).toContain('pgdrill_backups_failed{cluster="shop",type="full"} 1');
  expect(text).toContain('pgdrill_wal_gaps{cluster="shop"} 1');
  expect(text).toContain('pgdrill_wal_segments{cluster="shop"} 4');
  expect(text).toContain('pgdrill_wal_size_bytes{cluster="shop"} 12');
  expect(text).toContain(`pgdrill_wal_archived_position_bytes{cluster="shop"} ${7 * 16 * 1024 * 1024}`);
});

test('the page on monitoring names every metric, and none that does not exist', async () => {
  const named = new Set((await everything().text()).match(/(?<=# HELP )pgdrill_\w+/g));
  const page = await readFile('docs/monitoring.md', 'utf8');
  expect([...named].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  expect((page.match(/pgdrill_\w+/g) ?? []).filter((name) => !named.has(name))).toEqual([]);
});

test('each alert rule is PromQL, and says of whom and what to do', async () => {
  const { groups } = parse(await readFile('docker/prometheus/alerts.yml', 'utf8')) as {
    groups: { rules: { alert: string; expr: string; annotations: { summary: string; action: string } }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  expect(rules.length).toBeGreaterThan(5);
  for (const { expr, annotations } of rules) {
    expect(readPromql(expr).errors, expr).toBe(0);
    expect(annotations.summary).toMatch(/\{\{ \$labels\.(cluster|instance|step) \}\}/);
    expect(annotations.action).not.toBe('');
  }
  expect(readPromql('time() - > 3').errors).toBeGreaterThan(0);
});

test('an archive that nobody can list has no figures: no gap seen would not mean none', async () => {
  const text = await new Exposition([
    collectRepositories([{ ...cluster(), wal: { mode: 'command', restoreCommand: 'x' } }]),
  ]).text();
  expect(text).toContain('pgdrill_repository_readable{cluster="shop"} 1');
  expect(text).not.toMatch(/^pgdrill_wal_/m);
});
