import { appendFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';

import { historyText } from '../support/history-text.js';
import { findOnPath } from '../../scripts/promtool.js';
import type { DrillResult, Evidence } from '../../src/schema/evidence.js';
import { eventually, launchWorker, pgdrill, type Program } from '../support/programs.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { freePort } from '../support/scratch.js';
import { TraceReceiver } from './trace-receiver.js';
import { startPrometheus } from './prometheus-server.js';
import { readPromql, readScrape } from './promql.js';

// One drill of a real worker process, seen from outside: what Prometheus scrapes, what is signed, and its trace.
let book: Runbook;
let worker: Program;
let url: string;
let temporalUrl: string;
/** What was scraped while the drill waited at its gate, and after its end. */
let waiting: string;
let ended: string;
let drill: string;
let result: DrillResult;
const receiver = new TraceReceiver();
let hooks: Receiver;
const prometheus = await findOnPath('prometheus');

beforeAll(async () => {
  hooks = await startReceiver();
  hooks.answerWith(500); // to the first message: that no drill has passed yet
  book = await startRunbook({
    top: 'notifications: { ops: { on: [proof_too_old], webhook: { url_env: PGDRILL_TEST_URL } } }',
    cluster: 'gates: [promote]\nobjectives: { rto: 15m, rpo: 1h, proven_within: 1s }',
    backups: ['full', 'incremental'],
  });
  const [port, temporalPort] = [await freePort(), await freePort()];
  url = `http://127.0.0.1:${port}/metrics`;
  temporalUrl = `http://127.0.0.1:${temporalPort}/metrics`;
  const key = join(book.shop.scratch, 'evidence_key');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key]);
  await appendFile(
    book.loaded.path,
    `metrics: { port: ${port}, temporal_port: ${temporalPort} }\nevidence: { signing_key: ${key} }\n`,
  );
  worker = await launchWorker(book.loaded.path, {
    ...book.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: await receiver.start(),
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20only-for-the-receiver',
    OTEL_BSP_SCHEDULE_DELAY: '200',
    PGDRILL_TEST_URL: hooks.url,
  });
  const handle = await book.start('drill', { cluster: 'shop' });
  drill = handle.workflowId;
  waiting = await eventually('the gate', async () => {
    const text = await scrape();
    return text.includes('pgdrill_gates_waiting{') ? text : undefined;
  });
  await handle.signal('approve', { gate: 'promote', by: 'ann', reason: 'it is a test' });
  result = (await handle.result()) as DrillResult;
  expect(result).toMatchObject({ verdict: 'passed' });
  ended = await scrape();
});
afterAll(async () => {
  await worker.kill('SIGTERM');
  await receiver.stop();
  await hooks.close();
  await book.close();
});

const scrape = async (from = url): Promise<string> => await (await fetch(from)).text();

it('shows the gate while it waits, and the drill once it has ended', async () => {
  expect(waiting).toMatch(/^pgdrill_gates_waiting\{cluster="shop",gate="promote"\} 1$/m);
  expect(waiting).toMatch(/^pgdrill_runs\{cluster="shop",kind="drill"\} 1$/m);
  expect(waiting).toMatch(/^pgdrill_drills\{cluster="shop",verdict="passed"\} 0$/m);
  expect(ended).toMatch(/^pgdrill_drills\{cluster="shop",verdict="passed"\} 1$/m);
  expect(ended).not.toContain('pgdrill_gates_waiting{');
  expect(ended).toMatch(/^pgdrill_step_attempts_total\{step="replayWal",outcome="done"\} 1$/m);
  expect(ended).toMatch(/^pgdrill_drill_last_phase_seconds\{cluster="shop",phase="replay"\} \d/m);
  expect(await scrape(temporalUrl)).toMatch(/^temporal_\w+\{/m);
});

it('knows how far the source and the archive are', async () => {
  const of = (name: string): number => Number(new RegExp(`^${name}\\{cluster="shop"\\} (\\S+)$`, 'm').exec(ended)?.[1]);
  const [row] = await book.shop.sql<{ position: number }>(`select (pg_current_wal_lsn() - '0/0')::float8 as position`);
  const position = of('pgdrill_source_wal_position_bytes');
  expect(position).toBeGreaterThan(0);
  expect(position).toBeLessThanOrEqual(row?.position ?? 0);
  const segment = 16 * 1024 * 1024;
  expect(of('pgdrill_wal_archived_position_bytes') % segment).toBe(0);
  expect(of('pgdrill_wal_archived_position_bytes')).toBeGreaterThan(position - 2 * segment);
  expect(of('pgdrill_archiver_failures')).toBe(0);
});

/** Seen only where something failed or streams, or from Prometheus itself: no part of this drill. */
const elsewhere: Record<string, string[]> = {
  up: ['job', 'instance'],
  pgdrill_backup_last_failed_timestamp_seconds: ['cluster', 'type'],
  pgdrill_wal_received_position_bytes: ['cluster'],
  pgdrill_wal_stream_receiving: ['cluster'],
  pgdrill_wal_slot_held_bytes: ['cluster'],
  pgdrill_wal_slot_limit_bytes: ['cluster'],
  pgdrill_verification_last_timestamp_seconds: ['cluster'],
  pgdrill_verification_last_findings: ['cluster', 'level'],
};

it('serves every metric and label that the dashboard and the alert rules ask for', async () => {
  const served = readScrape(`${waiting}\n${ended}`);
  for (const [metric, labels] of Object.entries(elsewhere)) served.set(metric, new Set(labels));
  const queries = [...(await dashboardQueries()), ...(await ruleQueries())];
  expect(queries.length).toBeGreaterThan(40);
  for (const { expression, legend } of queries) {
    // Grafana's variables stand for text.
    const { errors, selectors, grouped } = readPromql(expression.replaceAll('$cluster', '.*'));
    expect(errors, expression).toBe(0);
    expect(selectors.length, expression).toBeGreaterThan(0);
    const known = new Set<string>(expression.includes('label_replace') ? ['objective'] : []);
    for (const { metric, labels } of selectors) {
      expect([...served.keys()], expression).toContain(metric);
      expect([...(served.get(metric) ?? [])], expression).toEqual(expect.arrayContaining(labels));
      served.get(metric)?.forEach((label) => known.add(label));
    }
    expect([...known, 'instance'], expression).toEqual(expect.arrayContaining([...grouped, ...legend]));
  }
});

it('leaves no metric out of the dashboard', async () => {
  const asked = new Set((await dashboardQueries()).flatMap(({ expression }) => readPromql(expression).selectors));
  const metrics = new Set([...asked].map(({ metric }) => metric));
  const left = [...readScrape(ended).keys()].filter((name) => name.startsWith('pgdrill_') && !metrics.has(name));
  expect(left).toEqual([]);
});

interface Targets {
  activeTargets: { labels: { job: string }; health: string }[];
}
interface RuleGroups {
  groups: { rules: { name: string; health: string; lastError?: string }[] }[];
}
interface Alerts {
  alerts: { state: string; labels: Record<string, string>; annotations: Record<string, string> }[];
}

it.skipIf(prometheus === undefined)(
  'Prometheus with the committed configuration reaches the worker, understands every rule, and raises an alert (skipped where it is not on PATH)',
  async () => {
    const directory = join(book.shop.scratch, 'prometheus');
    await mkdir(directory);
    const server = await startPrometheus(prometheus ?? '', directory, {
      'worker:9187': new URL(url).host,
      'worker:9188': new URL(temporalUrl).host,
    });
    try {
      const fired = await eventually('an alert', async () => {
        const { alerts } = await server.ask<Alerts>('alerts').catch(() => ({ alerts: [] }));
        return alerts.find(({ labels }) => labels['alertname'] === 'PgdrillObjectiveMissed');
      });
      expect(fired).toMatchObject({
        state: 'firing',
        labels: { cluster: 'shop', objective: 'proven_within', severity: 'warning' },
        annotations: {
          summary: expect.stringMatching(/^shop misses its objective proven_within: \d/) as string,
          action: 'Run: pgdrill objectives shop',
        },
      });
      const { activeTargets } = await server.ask<Targets>('targets');
      expect(activeTargets.map(({ labels, health }) => [labels.job, health]).sort()).toEqual([
        ['pgdrill', 'up'],
        ['temporal-sdk', 'up'],
      ]);
      const rules = await eventually('all rules to be evaluated', async () => {
        const found = (await server.ask<RuleGroups>('rules')).groups.flatMap((group) => group.rules);
        return found.some(({ health }) => health === 'unknown') ? undefined : found;
      });
      expect(rules).toHaveLength((await ruleQueries()).length);
      expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    } finally {
      await server.stop();
    }
  },
);

it('says what validation was seen at', async () => {
  const { clock } = JSON.parse(await readFile(result.evidencePath!, 'utf8')) as Evidence;
  const { samples } = clock.phases.find(({ name }) => name === 'validate')!;
  expect(samples!.looks).toBeGreaterThan(0);
  expect(samples!.cpu + samples!.disk + samples!.other).toBeCloseTo(1, 2);
});

it('the evidence is signed, and the command says by whom', async () => {
  const scratch = book.shop.scratch;
  const allowed = join(scratch, 'allowed_signers');
  await appendFile(allowed, `shop-worker ${await readFile(join(scratch, 'evidence_key.pub'), 'utf8')}`);
  const { exitCode, stdout } = await pgdrill(['evidence', 'verify', 'shop', '--allowed-signers', allowed], {
    env: book.env,
  });
  expect(stdout).toContain('1 signed by shop-worker');
  expect(stdout).toMatch(/evidence-heads\/shop-[0-9a-f]{12}\.json knows \S+, which is in the chain\./);
  expect(exitCode).toBe(0);
  const history = await historyText(book.temporal.client.workflow.getHandle(drill));
  expect(history).toContain(book.shop.patient.repository); // its payloads were read
  expect(history).not.toContain('evidence_key');
});

it('evidence that was set back to before it shows, though what is left is whole', async () => {
  const { path } = book.shop.repository;
  const taken = ['evidence', 'evidence-head.json'];
  for (const name of taken) await rename(join(path, name), join(path, `${name}.taken`));
  const { exitCode, stdout } = await pgdrill(['evidence', 'verify', 'shop'], { env: book.env });
  for (const name of taken) {
    await rm(join(path, name), { recursive: true, force: true });
    await rename(join(path, `${name}.taken`), join(path, name));
  }
  expect(stdout).toContain('rolled back');
  expect(exitCode).toBe(1);
});

it('sends a trace: a root for the drill, below it a span for every step and every wait, with sizes and without secrets', async () => {
  const { runId } = await book.temporal.client.workflow.getHandle(drill).describe();
  const traceId = runId.replaceAll('-', '');
  const root = await receiver.root(traceId);
  const spans = receiver.spans.filter((span) => span.traceId === traceId);
  expect(root).toMatchObject({ name: 'drill', attributes: { 'pgdrill.cluster': 'shop', 'pgdrill.verdict': 'passed' } });
  const below = spans.filter((span) => span !== root);
  expect(new Set(below.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set([root.spanId]));
  const history = await book.temporal.client.workflow.getHandle(drill).fetchHistory();
  const steps = (history.events ?? []).flatMap(
    ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name ?? [],
  );
  expect(below.map(({ name }) => name).sort()).toEqual([...steps, 'gate promote'].sort());
  for (const span of below) {
    expect(span.startMs, span.name).toBeGreaterThanOrEqual(root.startMs - 1);
    expect(span.endMs, span.name).toBeLessThanOrEqual(root.endMs + 1);
  }
  const prepared = below.find(({ name }) => name === 'prepareRestore');
  expect(prepared?.attributes['pgdrill.restoredBytes']).toBeGreaterThan(1_000_000);
  expect(prepared?.attributes['pgdrill.phase.combine.seconds']).toBeGreaterThan(0);
  expect(receiver.authorization).toBe('Bearer only-for-the-receiver');
  const sent = JSON.stringify(spans);
  for (const secret of ['only-for-the-receiver', 'evidence_key', book.shop.scratch]) expect(sent).not.toContain(secret);
  expect(worker.output()).not.toContain('traces:');
});

it('a step that is tried again is a span an attempt, the failed one with its reason', async () => {
  const spans = await eventually('the second attempt at the message', () => {
    const notified = receiver.spans.filter(({ name }) => name === 'notify');
    return Promise.resolve(notified.length < 2 ? undefined : notified);
  });
  const [first, second] = spans.toSorted((a, b) => a.startMs - b.startMs);
  expect(first).toMatchObject({
    attributes: { 'pgdrill.attempt': 1 },
    error: 'Channel ops did not take the notification: it answered 500.',
  });
  expect(second).toMatchObject({
    ...{ traceId: first!.traceId, parentSpanId: first!.parentSpanId },
    attributes: {
      'pgdrill.attempt': 2,
      temporalActivityID: first!.attributes['temporalActivityID'],
      temporalWorkflowID: expect.stringContaining('janitor') as string,
    },
  });
  expect(second!.error).toBeUndefined();
  expect(await receiver.root(first!.traceId)).toMatchObject({ name: 'janitor', spanId: first!.parentSpanId });
});

it('a run that fails is a trace with the failure in it', async () => {
  const handle = await book.start('backup', { cluster: 'nowhere' });
  await expect(handle.result()).rejects.toThrow();
  const { runId } = await handle.describe();
  const root = await receiver.root(runId.replaceAll('-', ''));
  expect(root).toMatchObject({ name: 'backup', error: expect.stringContaining('nowhere') as string });
  const step = receiver.spans.find(({ parentSpanId }) => parentSpanId === root.spanId);
  expect(step?.error).toContain('There is no cluster "nowhere"');
});

interface Query {
  expression: string;
  /** Labels that the legend or the texts of an alert name. */
  legend: string[];
}

async function dashboardQueries(): Promise<Query[]> {
  const { panels } = JSON.parse(await readFile('docker/grafana/dashboards/pgdrill.json', 'utf8')) as {
    panels: { targets?: { expr: string; legendFormat: string }[] }[];
  };
  return panels
    .flatMap(({ targets = [] }) => targets)
    .map(({ expr, legendFormat }) => ({ expression: expr, legend: labelsIn(legendFormat, /\{\{(\w+)\}\}/g) }));
}

async function ruleQueries(): Promise<Query[]> {
  const { groups } = parse(await readFile('docker/prometheus/alerts.yml', 'utf8')) as {
    groups: { rules: { expr: string; annotations: Record<string, string> }[] }[];
  };
  return groups
    .flatMap(({ rules }) => rules)
    .map(({ expr, annotations }) => ({
      expression: expr,
      legend: labelsIn(Object.values(annotations).join(' '), /\$labels\.(\w+)/g),
    }));
}

function labelsIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, label]) => label ?? '');
}
