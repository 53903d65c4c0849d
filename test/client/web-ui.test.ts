import { join } from 'node:path';

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { hasSearchAttributes, registerSearchAttributes } from '../../src/client/search-attributes.js';
import { startFormLink } from '../../src/client/web-ui.js';
import { chromiumPath, keptScreenshots, launchChromium } from '../support/chromium.js';
import { leftovers } from '../support/leftovers.js';
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
    expect(await registerSearchAttributes(connection, namespace)).toBeUndefined();
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

  test('a drill is started from the linked form, watched, and approved by a signal', { timeout: 60_000 }, async () => {
    const { uiUrl } = book.temporal;
    const { task_queue: taskQueue } = book.loaded.configuration.temporal;
    await page.goto(startFormLink(uiUrl, namespace, { kind: 'drill', cluster: 'shop', taskQueue }));
    expect(await page.getByLabel('Workflow Type').inputValue()).toBe('drill');
    expect(await page.getByLabel('Workflow ID').inputValue()).toBe('drill-shop');
    await page.getByText('Task Queue is Active').waitFor();
    await page.locator('.cm-content').first().click();
    await page.keyboard.insertText('{"cluster": "shop"}');
    await look('form');
    await page.getByTestId('start-workflow-button').click();
    await page.getByText('Workflow started successfully').waitFor();
    await page.goto(`${uiUrl}/namespaces/${namespace}/workflows/drill-shop`);
    await page.getByText('User Metadata').first().click();
    await look('metadata');
  });

  async function look(name: string): Promise<void> {
    if (keptScreenshots !== undefined) await page.screenshot({ path: join(keptScreenshots, `web-ui-${name}.png`) });
  }
});
