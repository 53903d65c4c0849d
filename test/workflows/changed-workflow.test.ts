import { join } from 'node:path';

import type { WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { LoadedConfiguration } from '../../src/configuration/load.js';
import type { DrillResult } from '../../src/schema/evidence.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import { leftovers } from '../support/leftovers.js';
import { configure } from '../support/pgdrill-config.js';
import { eventually } from '../support/programs.js';
import type { ProtectedCluster } from '../support/protected-cluster.js';
import { startRunbook, type Runbook } from '../support/runbook.js';
import { start, type TestTemporal, withWorker } from '../support/temporal.js';

// What an upgrade of pgdrill does to a drill that waits at a gate (docs/changing-workflows.md).

let book: Runbook;
let temporal: TestTemporal;
let shop: ProtectedCluster;
let loaded: LoadedConfiguration;

beforeAll(async () => {
  book = await startRunbook();
  ({ temporal, shop } = book);
});

afterAll(() => book.close());

afterEach(async () => {
  expect(await leftovers(shop)).toEqual([]);
});

const inRestore = (search: string, replace: string) => changed('restore.ts', search, replace);
const newStep = 'steps.loadSettings({ cluster })';
const beforeTheGate = '  const plan = await progress.step(';
const afterTheGate = '  const opened = await orFix(';

describe('a drill that waits at a gate while its workflow is changed', { timeout: 180_000 }, () => {
  test('goes on past a step that was added, with a patch, before the gate: without taking it', async () => {
    const { result, taken } = await upgrade(
      await inRestore(beforeTheGate, `  if (patched('new-step')) await ${newStep};\n${beforeTheGate}`),
    );
    expect([result.verdict, taken]).toEqual(['passed', 1]);
  });

  test('takes a step that was added, with a patch, behind the gate', async () => {
    const { result, taken } = await upgrade(
      await inRestore(afterTheGate, `  if (patched('new-step')) await ${newStep};\n${afterTheGate}`),
    );
    expect([result.verdict, taken]).toEqual(['passed', 2]);
  });

  test('is stopped by one without a patch, and goes on unharmed when the old code is back', async () => {
    const handle = await untilTheGate();
    const wrong = await inRestore(beforeTheGate, `  await ${newStep};\n${beforeTheGate}`);
    await withWorker(temporal, loaded, { bundle: wrong }, async () => {
      await handle.signal('approve', { gate: 'promote', by: 'ada' });
      await eventually('the workflow task to fail', async () => {
        const { events } = await handle.fetchHistory();
        const failed = events!.find(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes);
        return /[Nn]ondeterminism/.test(JSON.stringify(failed ?? '')) || undefined;
      });
    });
    const result = await withWorker(temporal, loaded, {}, () => handle.result() as Promise<DrillResult>);
    expect(result.verdict).toBe('passed');
  });
});

/** Starts a drill with the workflows of today, and lets those of tomorrow end it. */
async function upgrade(bundle: { code: string }): Promise<{ result: DrillResult; taken: number }> {
  const handle = await untilTheGate();
  return await withWorker(temporal, loaded, { bundle }, async () => {
    await handle.signal('approve', { gate: 'promote', by: 'ada' });
    const result = (await handle.result()) as DrillResult;
    const { events } = await handle.fetchHistory();
    const taken = events!.filter(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'loadSettings',
    );
    return { result, taken: taken.length };
  });
}

async function untilTheGate(): Promise<WorkflowHandle> {
  loaded = await configure(shop);
  return await withWorker(temporal, loaded, {}, async () => {
    const handle = await start(temporal, loaded, 'drill', { cluster: 'shop', gates: ['promote'] });
    await eventually('gate promote', async () => {
      const { waiting } = await handle.query<WorkflowProgress>('progress');
      return waiting?.gate === 'promote' ? true : undefined;
    });
    return handle;
  });
}

/** The workflows of the checkout with one place of one file changed, as a later version might have it. */
async function changed(file: string, search: string, replace: string): Promise<{ code: string }> {
  const workflows = join(import.meta.dirname, '..', '..', 'workflows');
  const loader = join(import.meta.dirname, '..', 'support', 'edit-loader.cjs');
  const importing = `import { patched } from '@temporalio/workflow';\n`;
  return await bundleWorkflowCode({
    workflowsPath: join(workflows, 'index.ts'),
    logger: new DefaultLogger('WARN'),
    webpackConfigHook: (config) => {
      const edit = (from: string, to: string) => ({
        test: (path: string) => path === join(workflows, file),
        enforce: 'pre' as const,
        use: [{ loader, options: { search: from, replace: to } }],
      });
      config.module ??= {};
      config.module.rules = [
        ...(config.module.rules ?? []),
        edit(search, replace),
        edit(`import type { Capture`, `${importing}import type { Capture`),
      ];
      return config;
    },
  });
}
