import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { renderClusterPage } from '../../src/report/html/cluster-page.js';
import { renderDrillPage } from '../../src/report/html/drill-page.js';
import { chromiumPath, keptScreenshots, launchChromium } from '../support/chromium.js';
import { judgeCluster } from '../../src/objectives/judge.js';
import type { ObjectiveDrill } from '../../src/objectives/read-drills.js';
import { sampleEvidence } from './sample-evidence.js';

const long = 'a_table_with_a_very_long_name_'.repeat(5);
const evidences = Array.from({ length: 12 }, (_, index) => {
  const at = new Date(Date.UTC(2026, 10, 10 + index, 2, 3)).toISOString();
  const sample = sampleEvidence();
  return sampleEvidence({
    id: `drill-shop-${index}`,
    startedAt: at,
    finishedAt: at,
    clock: { ...sample.clock, rtoSeconds: 80 + index * 3 + (index % 4) * 9 },
    rpo: { ...sample.rpo!, seconds: (index * 7) % 5 },
    ...(index === 5 ? { verdict: 'failed' as const, reasons: ['content: 2 tables differ.'] } : {}),
  });
});
const drills = evidences.map((each, index): ObjectiveDrill => ({
  ...each,
  kind: 'drill',
  restoredBytes: (4 + index * 0.2) * 1e9,
  replay: { replayedBytes: (1 + (index % 4)) * 1e8 },
}));
const failed = sampleEvidence({
  verdict: 'failed',
  reasons: [`content: ${long} differs from the source.`],
  checks: [
    ...sampleEvidence().checks,
    {
      name: 'indexes',
      status: 'failed',
      summary: '1 index is broken.',
      figures: { indexes: 80 },
      problems: [{ object: `shop.public.${long}`, detail: 'an entry is missing' }],
      seconds: 3,
    },
  ],
});

describe.skipIf(chromiumPath === undefined)('in Chromium (skipped where there is none)', () => {
  let browser: Browser;
  let directory: string;
  const pages: Record<string, string> = {};
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pgdrill-report-'));
    const texts = {
      drill: await renderDrillPage(sampleEvidence()),
      failed: await renderDrillPage(failed),
      cluster: await renderClusterPage({
        cluster: 'shop',
        standing: judgeCluster({ name: 'shop', objectives: { rto: '2m', rtoSeconds: 120 } }, drills, new Date()),
        evidences,
        objectives: { rto: '2m', rtoSeconds: 120, rpo: '3s', rpoSeconds: 3 },
        unreadable: [],
        linkTo: (id) => `evidence/${id}/report.html`,
      }),
    };
    for (const [name, text] of Object.entries(texts)) {
      pages[name] = join(directory, `${name}.html`);
      await writeFile(pages[name], text);
    }
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    await rm(directory, { recursive: true });
  });

  const looks = ['drill', 'failed', 'cluster'].flatMap((name) =>
    [360, 1_440].flatMap((width) => (['light', 'dark'] as const).map((colorScheme) => ({ name, width, colorScheme }))),
  );
  it.each(looks)('$name at $width px, $colorScheme: nothing on the console, no overflow', async (look) => {
    const { name, width, colorScheme } = look;
    const tab = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    try {
      const said: string[] = [];
      tab.on('console', (message) => said.push(message.text()));
      tab.on('pageerror', (error) => said.push(error.message));
      tab.on('request', (request) => {
        if (/^(https?|wss?):/.test(request.url())) said.push(`asked the network for ${request.url()}`);
      });
      await tab.goto(`file://${pages[name]!}`);
      // As text: it runs in the page, whose names this project's compiler does not know.
      const seen = await tab.evaluate<{ overflow: number; pictures: number; paper: string }>(`({
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        pictures: [...document.querySelectorAll('svg')].filter((svg) => svg.getBoundingClientRect().width > 250).length,
        paper: getComputedStyle(document.body).backgroundColor,
      })`);
      if (keptScreenshots !== undefined)
        await tab.screenshot({ path: join(keptScreenshots, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      expect(said).toEqual([]);
      expect(seen.overflow).toBeLessThanOrEqual(0);
      expect(seen.pictures).toBe(name === 'cluster' ? 3 : 2);
      expect(seen.paper).toBe(colorScheme === 'dark' ? 'rgb(17, 22, 29)' : 'rgb(255, 255, 255)');
    } finally {
      await tab.close();
    }
  });
});
