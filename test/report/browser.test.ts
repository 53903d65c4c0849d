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
      if (keptScreenshots !== undefined) await writeFile(join(keptScreenshots, `${name}.html`), text);
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
      const seen = await tab.evaluate<{ overflow: number; pictures: number; paper: string; cramped: string[] }>(`({
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        cramped: [...document.querySelectorAll('dd, td, li, p')].filter((each) => each.getBoundingClientRect().width < 60 && each.textContent.trim().length > 12).map((each) => each.textContent),
        pictures: [...document.querySelectorAll('svg')].filter((svg) => svg.getBoundingClientRect().width > 250).length,
        paper: getComputedStyle(document.body).backgroundColor,
      })`);
      if (keptScreenshots !== undefined)
        await tab.screenshot({ path: join(keptScreenshots, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      expect(said).toEqual([]);
      expect(seen.overflow).toBeLessThanOrEqual(0);
      expect(seen.cramped).toEqual([]);
      expect(seen.pictures).toBe(name === 'cluster' ? 3 : 2);
      expect(seen.paper).toBe(colorScheme === 'dark' ? 'rgb(17, 22, 29)' : 'rgb(255, 255, 255)');
    } finally {
      await tab.close();
    }
  });

  it.each(['drill', 'failed', 'cluster'])(
    '%s on paper: white in a dark browser, all of it unfolded, nothing cut off',
    async (name) => {
      // A4, of which 672 px are between the margins.
      const tab = await browser.newPage({ viewport: { width: 794, height: 1123 }, colorScheme: 'dark' });
      try {
        await tab.emulateMedia({ media: 'print', colorScheme: 'dark' });
        await tab.goto(`file://${pages[name]!}`);
        await tab.evaluate(`document.body.style.width = '672px'`);
        const seen = await tab.evaluate<{ overflow: number; paper: string; folded: number; broken: string[] }>(`({
        overflow: document.body.scrollWidth - document.body.clientWidth,
        paper: getComputedStyle(document.body).backgroundColor,
        folded: [...document.querySelectorAll('details > :not(summary)')].filter((each) => each.getBoundingClientRect().height === 0).length,
        // One word on two lines was broken.
        broken: [...document.querySelectorAll('th, td, .tag')].filter((each) => each.children.length === 0).filter((each) => /^[a-zA-Z]+$/.test(each.textContent.trim())).filter((each) => {
          const range = document.createRange();
          range.selectNodeContents(each);
          return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1;
        }).map((each) => each.textContent),
      })`);
        expect(seen).toEqual({ overflow: 0, paper: 'rgb(255, 255, 255)', folded: 0, broken: [] });
        const pdf = await tab.pdf({ format: 'A4' });
        if (keptScreenshots !== undefined) await writeFile(join(keptScreenshots, `${name}.pdf`), pdf);
        expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
      } finally {
        await tab.close();
      }
    },
  );

  it('the keyboard alone reaches all that can be opened or followed, and it is seen where it is', async () => {
    const tab = await browser.newPage();
    try {
      await tab.goto(`file://${pages['drill']!}`);
      await tab.keyboard.press('Tab');
      const focused = await tab.evaluate<{ tag: string; outline: string }>(
        `({ tag: document.activeElement.tagName, outline: getComputedStyle(document.activeElement).outlineStyle })`,
      );
      expect(focused).toEqual({ tag: 'SUMMARY', outline: 'solid' });
      await tab.keyboard.press('Enter');
      expect(await tab.evaluate(`document.activeElement.parentElement.open`)).toBe(true);
      await tab.goto(`file://${pages['cluster']!}`);
      const links = await tab.evaluate<number>(`document.querySelectorAll('a, summary').length`);
      const reached = new Set<string>();
      for (let press = 0; press < links; press++) {
        await tab.keyboard.press('Tab');
        reached.add(await tab.evaluate<string>(`document.activeElement.textContent`));
      }
      expect(reached.size).toBe(links);
    } finally {
      await tab.close();
    }
  });

  it.each(['drill', 'failed', 'cluster'])(
    '%s: every picture has its text, every table its heads, headings skip no level',
    async (name) => {
      const tab = await browser.newPage();
      try {
        await tab.goto(`file://${pages[name]!}`);
        const seen = await tab.evaluate<{ nameless: number; headless: number; levels: number[]; language: string }>(`({
        nameless: [...document.querySelectorAll('svg, img')].filter((each) => !((each.getAttribute('aria-label') ?? each.alt ?? '').length > 20)).length,
        headless: [...document.querySelectorAll('table')].filter((each) => each.querySelectorAll('th[scope=col]').length === 0).length,
        levels: [...document.querySelectorAll('h1, h2, h3, h4')].map((each) => Number(each.tagName[1])),
        language: document.documentElement.lang,
      })`);
        expect(seen).toMatchObject({ nameless: 0, headless: 0, language: 'en' });
        expect(seen.levels[0]).toBe(1);
        seen.levels.forEach((level, index) => expect(level - (seen.levels[index - 1] ?? 0)).toBeLessThanOrEqual(1));
      } finally {
        await tab.close();
      }
    },
  );
});
