import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { type Browser, chromium } from 'playwright-core';

/** The machine's own Chromium; undefined where there is none: tests that need one are skipped then, and say so. */
export const chromiumPath = [
  '/usr/bin/chromium',
  ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'chromium')),
].find(existsSync);

/** Set to a directory that exists, screenshots are kept there, to be looked at. */
export const keptScreenshots = process.env['PGDRILL_SCREENSHOTS'];

export async function launchChromium(): Promise<Browser> {
  // As root, which CI may be, Chromium starts only without its sandbox.
  return await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] });
}
