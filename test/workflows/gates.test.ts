import { readFile } from 'node:fs/promises';

import { type WorkflowHandle, WorkflowFailedError } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { decide, extend } from '../../src/client/decide.js';
import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { type DrillResult, type Evidence, evidenceSchema } from '../../src/schema/evidence.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import { leftovers } from '../support/leftovers.js';
import { eventually } from '../support/programs.js';
import type { ProtectedCluster } from '../support/protected-cluster.js';
import { startRunbook, type Runbook } from '../support/runbook.js';
import { start, type TestTemporal } from '../support/temporal.js';

let book: Runbook;
let temporal: TestTemporal;
let shop: ProtectedCluster;
let loaded: LoadedConfiguration;

beforeAll(async () => {
  book = await startRunbook({ cluster: 'gates: [promote]\ngate_timeout: 5m', worker: true });
  ({ temporal, shop, loaded } = book);
});

afterAll(() => book.close());

afterEach(async () => {
  expect(await leftovers(shop)).toEqual([]);
});

describe('a drill that waits for a human', { timeout: 120_000 }, () => {
  test('says so, goes on when approved, and does not count the wait as recovery time', async () => {
    const handle = await start(temporal, loaded, 'drill', { cluster: 'shop', gates: ['restore', 'promote'] });
    const first = await waitsAt(handle, 'restore');
    expect(first.waiting?.question).toMatch(/^Restore \S+-full and replay to fence\?$/);
    expect(Date.parse(first.waiting!.until) - Date.parse(first.waiting!.since)).toBe(5 * 60_000);
    expect(await currentDetails(handle)).toContain('Waiting for a human at gate `restore`');
    await handle.signal('approve', { gate: 'restore', by: 'ada', reason: 'go' });
    const second = await waitsAt(handle, 'promote');
    expect(second.approvals).toMatchObject([{ gate: 'restore', decision: 'approved', by: 'ada', reason: 'go' }]);
    expect(second.waiting?.question).toMatch(/^Replay reached [0-9A-F/]+/);
    const tooLate = decide(temporal, handle.workflowId, 'reject', { gate: 'restore', by: 'eve', reason: '' });
    await expect(tooLate).rejects.toThrow('Gate restore was approved by ada');
    await handle.signal('approve', { gate: 'promote', by: 'grace', reason: '' });
    const result = (await handle.result()) as DrillResult;

    expect(result.verdict).toBe('passed');
    const { clock, approvals } = await evidenceOf(result);
    expect(approvals.map(({ gate, decision, by }) => [gate, decision, by])).toEqual([
      ['restore', 'approved', 'ada'],
      ['promote', 'approved', 'grace'],
    ]);
    const waited = approvals.reduce((sum, each) => sum + secondsBetween(each.openedAt, each.decidedAt), 0);
    expect(clock.waitedForHumansSeconds).toBeCloseTo(waited, 3);
    const wholeSpan = (await spanOf(handle, 'planRestore', 'openSandbox')) - waited;
    expect(clock.rtoSeconds).toBeLessThanOrEqual(wholeSpan + 0.1);
    expect((await handle.query<WorkflowProgress>('progress')).waiting).toBeUndefined();
  });

  test('cleans up when rejected: unproven, with who, when and why in the evidence', async () => {
    const handle = await start(temporal, loaded, 'drill', { cluster: 'shop' });
    await waitsAt(handle, 'promote');
    const before = new Date().toISOString();
    await handle.signal('reject', { gate: 'promote', by: 'ada', reason: 'wrong night' });
    const result = (await handle.result()) as DrillResult;
    expect(result).toMatchObject({ verdict: 'unproven', reasons: ['Rejected at gate promote by ada: wrong night.'] });
    expect(result.rtoSeconds).toBeUndefined();
    const { approvals } = await evidenceOf(result);
    expect(approvals).toMatchObject([{ gate: 'promote', decision: 'rejected', by: 'ada', reason: 'wrong night' }]);
    expect(Date.parse(approvals[0]!.decidedAt)).toBeGreaterThanOrEqual(Date.parse(before) - 1_000);
    expect(await leftovers(shop, [result.id])).toEqual([]);
  });

  test('gives up when nobody answers in time', async () => {
    const handle = await start(temporal, loaded, 'drill', { cluster: 'shop', gates: ['restore'], gateTimeout: '2s' });
    const result = (await handle.result()) as DrillResult;
    expect(result).toMatchObject({ verdict: 'unproven', reasons: ['Nobody answered at gate restore in time.'] });
    expect(result.approvals).toMatchObject([{ gate: 'restore', decision: 'expired', by: 'nobody' }]);
  });

  test('takes a decision that came before its gate opened', async () => {
    const handle = await start(temporal, loaded, 'drill', { cluster: 'shop', gates: ['restore'] });
    await handle.signal('reject', { gate: 'restore', by: 'ada', reason: 'not today' });
    const result = (await handle.result()) as DrillResult;
    expect(result.reasons).toEqual(['Rejected at gate restore by ada: not today.']);
  });

  test('lets the first decision stand', async () => {
    const handle = await start(temporal, loaded, 'drill', { cluster: 'shop', gates: ['restore'] });
    await handle.signal('reject', { gate: 'restore', by: 'ada', reason: 'first' });
    await handle.signal('approve', { gate: 'restore', by: 'grace', reason: 'second' });
    const result = (await handle.result()) as DrillResult;
    expect(result.approvals).toMatchObject([{ decision: 'rejected', by: 'ada' }]);
  });

  test.each([
    ['nothing', undefined],
    ['a number', 5],
    ['an unknown gate', { gate: 'moon', by: 'ada' }],
    ['nobody', { gate: 'restore', by: '' }],
    ['more than is known', { gate: 'restore', by: 'ada', force: true }],
  ])('ignores a signal that carries %s', async (_what, payload) => {
    const handle = await start(temporal, loaded, 'drill', { cluster: 'shop', gates: ['restore'] });
    await waitsAt(handle, 'restore');
    await handle.signal('approve', payload);
    expect((await handle.query<WorkflowProgress>('progress')).waiting?.gate).toBe('restore');
    await handle.signal('reject', { gate: 'restore', by: 'ada' });
    expect(((await handle.result()) as DrillResult).approvals).toMatchObject([{ decision: 'rejected', by: 'ada' }]);
  });

  test('can be cancelled, forgets that it waited, and not who had answered', async () => {
    const handle = await start(temporal, loaded, 'drill', { cluster: 'shop' });
    await waitsAt(handle, 'promote');
    await extend(temporal, handle.workflowId, { by: 'ada', reason: 'not yet', for: '1h' });
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    const progress = await handle.query<WorkflowProgress>('progress');
    expect(progress).toMatchObject({
      verdict: 'unproven',
      approvals: [
        {
          gate: 'promote',
          decision: 'interrupted',
          by: 'nobody',
          answers: [{ did: 'extended', by: 'ada', reason: 'not yet' }],
        },
      ],
    });
    expect(progress.waiting).toBeUndefined();
  });
});

describe('an input that is not understood ends the workflow at once and names the field', () => {
  test.each([
    ['drill', undefined, 'UsageError', /cluster: /],
    ['drill', 'shop', 'UsageError', /input: /],
    ['drill', { cluster: 5 }, 'UsageError', /cluster: /],
    ['drill', { cluster: 'shop', targt: 'latest' }, 'UsageError', /targt/],
    ['drill', { cluster: 'shop', target: 'time=yesterday' }, 'UsageError', /target: .*yesterday/],
    ['drill', { cluster: 'shop', backup: 'weekly' }, 'UsageError', /backup: /],
    ['drill', { cluster: 'shop', gates: ['moon'] }, 'UsageError', /gates\.0: /],
    ['drill', { cluster: 'shop', gateTimeout: 'soon' }, 'UsageError', /gateTimeout: .*duration/],
    ['drill', { cluster: 'shoop' }, 'ConfigurationError', /no cluster "shoop".*Did you mean "?shop/s],
    ['backup', { cluster: 'shop', type: 'logical' }, 'UsageError', /type: /],
    ['recover', { cluster: 'shop' }, 'UsageError', /into: /],
    ['recover', { cluster: 'shop', into: 'here' }, 'UsageError', /into: .*absolute/],
    ['recover', { cluster: 'shop', into: '/tmp/x', target: 'fence' }, 'UsageError', /target: .*no fence/],
  ] as const)('%s %j', async (kind, input, type, message) => {
    const handle = await start(temporal, loaded, kind, input);
    const failure: unknown = await handle.result().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WorkflowFailedError);
    const { cause } = failure as WorkflowFailedError;
    const root = cause?.cause ?? cause;
    expect(root).toMatchObject({ type, nonRetryable: true, message: expect.stringMatching(message) as string });
  });
});

async function waitsAt(handle: WorkflowHandle, gate: string): Promise<WorkflowProgress> {
  return await eventually(`${handle.workflowId} to wait at ${gate}`, async () => {
    const progress = await handle.query<WorkflowProgress>('progress');
    const { status } = await handle.describe();
    if (status.name !== 'RUNNING') throw new Error(`it ended before: ${JSON.stringify(progress.steps.at(-3))}`);
    return progress.waiting?.gate === gate ? progress : undefined;
  });
}

/** What the Web UI shows of a running workflow. */
async function currentDetails(handle: WorkflowHandle): Promise<string> {
  const metadata = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails ?? '';
}

async function evidenceOf({ evidencePath }: DrillResult): Promise<Evidence> {
  return evidenceSchema.parse(JSON.parse(await readFile(evidencePath!, 'utf8')));
}

/** From the moment one activity was scheduled until another was done, in seconds, as Temporal's history has it. */
async function spanOf(handle: WorkflowHandle, from: string, to: string): Promise<number> {
  const { events = [] } = await handle.fetchHistory();
  const scheduled = (name: string) =>
    events!.find((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === name)!;
  const done = events!.find(
    (event) => String(event.activityTaskCompletedEventAttributes?.scheduledEventId) === String(scheduled(to).eventId),
  )!;
  const at = (event: typeof done) => Number(event.eventTime?.seconds) + (event.eventTime?.nanos ?? 0) / 1e9;
  return at(done) - at(scheduled(from));
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1_000;
}
