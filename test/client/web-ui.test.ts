import { join } from 'node:path';

import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { hasSearchAttributes, registerSearchAttributes } from '../../src/client/search-attributes.js';
import { startFormLink } from '../../src/client/web-ui.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import { chromiumPath, keptScreenshots, launchChromium } from '../support/chromium.js';
import { leftovers } from '../support/leftovers.js';
import { eventually } from '../support/programs.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { type RunningWorker, startWorker } from '../support/temporal.js';

// As an SRE would use it: Temporal's own Web UI in a browser, nothing else.

const namespace = 'default';

describe.skipIf(chromiumPath === undefined)('in the Web UI, with Chromium (skipped where there is none)', () => {
  let book: Runbook;
  let worker: RunningWorker;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    [book, browser] = await Promise.all([startRunbook({ cluster: 'gates: [promote]' }), launchChromium()]);
    const { connection } = book.temporal;
    expect(await hasSearchAttributes(connection, namespace)).toBe(false); // then runs set none
    expect(await registerSearchAttributes(connection, namespace)).toBeUndefined();
    expect(await registerSearchAttributes(connection, 'no-such-namespace')).toMatch(
      /did not let pgdrill register them: .*Runs work without them.*search-attribute create --namespace no-such-namespace/s,
    );
    worker = await startWorker(book.temporal, book.loaded, {
      searchable: () => hasSearchAttributes(connection, namespace),
    });
    page = await browser.newPage({ viewport: { width: 1_400, height: 1_300 } });
    page.setDefaultTimeout(20_000);
  });

  afterAll(async () => {
    await browser.close();
    await worker.stop();
    await book.close();
  });

  afterEach(async () => {
    expect(await leftovers(book.shop)).toEqual([]);
  });

  test('a drill is started from the linked form, watched, and approved by a signal', { timeout: 120_000 }, async () => {
    const { uiUrl } = book.temporal;
    const { task_queue: taskQueue } = book.loaded.configuration.temporal;
    await page.goto(startFormLink(uiUrl, namespace, { kind: 'drill', cluster: 'shop', taskQueue }));
    expect(await page.getByLabel('Workflow Type').inputValue()).toBe('drill');
    expect(await page.getByLabel('Workflow ID').inputValue()).toBe('drill-shop');
    await page.getByText('Task Queue is Active').waitFor();
    await fill(page.locator('.cm-content'), '{"cluster": "shop"}');
    await look('form');
    await page.getByTestId('start-workflow-button').click();
    const handle = book.temporal.client.workflow.getHandle('drill-shop');
    await eventually('the drill to start', () =>
      handle.describe().then(
        () => true,
        () => undefined,
      ),
    );
    await waitsAt(handle);
    await showDetails('drill-shop');
    const details = page.locator('iframe').last().contentFrame();
    await details.getByText('Waiting for a human at gate').waitFor();
    await look('metadata');
    const answer = (await details.locator('pre').first().innerText()).trim();
    await send('signal', 'approve', answer.replace('your name', 'ada'));
    expect(await handle.result()).toMatchObject({ verdict: 'passed', approvals: [{ by: 'ada', reason: 'why' }] });
    await page.goto(`${uiUrl}/namespaces/${namespace}/workflows/drill-shop`);
    await page.getByText('Completed').first().waitFor();
    await look('passed');

    // What a saved query finds (docs/web-ui.md).
    await page.goto(workflowsLink(`PgdrillCluster = "shop" and PgdrillVerdict = "passed"`));
    await page.getByRole('link', { name: 'drill-shop' }).first().waitFor();
    await look('query');
  });

  test(
    'a drill is rejected by an update, and its verdict and its details say by whom and why',
    { timeout: 120_000 },
    async () => {
      const handle = await startAtGate('drill-shop-rejected');
      await page.goto(workflowsLink(`PgdrillGate = "promote" and ExecutionStatus = "Running"`));
      await page.getByRole('link', { name: 'drill-shop-rejected' }).first().waitFor();
      await showDetails(handle.workflowId);
      await send('update', 'reject', '{"gate": "promote", "by": "grace", "reason": "wrong night"}');
      expect(await handle.result()).toMatchObject({
        verdict: 'unproven',
        reasons: ['Rejected at gate promote by grace: wrong night.'],
      });
      await showDetails(handle.workflowId);
      const details = page.locator('iframe').last().contentFrame();
      await details.getByText('verdict: unproven').waitFor();
      await details.getByText('rejected by grace: wrong night').waitFor();
      await look('rejected');
    },
  );

  test('a drill is cancelled without harm', { timeout: 120_000 }, async () => {
    const handle = await startAtGate('drill-shop-cancelled');
    await showDetails(handle.workflowId);
    await page.getByRole('button', { name: 'Request Cancellation' }).click();
    await look('cancel');
    await page.getByRole('dialog').getByTestId('confirm-modal-button').click();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    await page.goto(`${book.temporal.uiUrl}/namespaces/${namespace}/workflows/${handle.workflowId}`);
    await page.getByText('Canceled').first().waitFor();
    await look('cancelled');
  });

  test('a typo in the input is answered at the top, with the keys that there are', async () => {
    const handle = await book.start('drill', { cluster: 'shop', targt: 'latest' });
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    await page.goto(`${book.temporal.uiUrl}/namespaces/${namespace}/workflows/${handle.workflowId}`);
    await page.getByText('there are: cluster,').first().waitFor();
    await look('typo');
  });

  async function startAtGate(workflowId: string): Promise<WorkflowHandle> {
    const handle = await book.temporal.client.workflow.start('drill', {
      workflowId,
      taskQueue: book.loaded.configuration.temporal.task_queue,
      args: [{ cluster: 'shop' }],
    });
    await waitsAt(handle);
    return handle;
  }

  function workflowsLink(query: string): string {
    return `${book.temporal.uiUrl}/namespaces/${namespace}/workflows?query=${encodeURIComponent(query)}`;
  }

  async function waitsAt(handle: WorkflowHandle): Promise<void> {
    await eventually(`${handle.workflowId} to wait`, async () =>
      (await handle.query<WorkflowProgress>('progress')).waiting === undefined ? undefined : true,
    );
  }

  async function showDetails(id: string): Promise<void> {
    const { runId } = await book.temporal.client.workflow.getHandle(id).describe();
    await page.goto(`${book.temporal.uiUrl}/namespaces/${namespace}/workflows/${id}/${runId}/user-metadata`);
  }

  /** Sends a signal or an update as a person does: menu, name, input. */
  async function send(how: 'signal' | 'update', name: string, input: string): Promise<void> {
    await page.getByRole('button', { name: 'More Actions' }).click();
    await page.locator(`[data-testid=${how}-button]:visible`).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByTestId(`${how}-select-button`).click();
    await look(`${how}s`);
    await dialog.getByRole('option', { name }).click();
    await fill(dialog.locator('.cm-content'), input);
    await look(`${how}-${name}`);
    await dialog.getByTestId('confirm-modal-button').click();
  }

  /** The editor lays what was typed out anew when it is left, and everything below it moves. */
  async function fill(editor: Locator, json: string): Promise<void> {
    await editor.click();
    await page.keyboard.insertText(json);
    await editor.blur();
    await editor.locator('.cm-line').nth(2).waitFor();
  }

  async function look(name: string): Promise<void> {
    if (keptScreenshots !== undefined) await page.screenshot({ path: join(keptScreenshots, `web-ui-${name}.png`) });
  }
});
