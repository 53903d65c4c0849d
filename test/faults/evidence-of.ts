import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'vitest';

import { type Evidence, evidenceSchema } from '../../src/schema/evidence.js';
import type { Scene } from './scene.js';

/** The evidence of the run that was struck; undefined where there is none. */
export async function evidenceOf({ shop, handle }: Scene): Promise<Evidence | undefined> {
  const folder = join(shop.patient.repository, 'evidence');
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith(`${handle.workflowId}-`));
  if (names.length === 0) return undefined;
  expect(names, 'evidence of one run').toHaveLength(1);
  const text = await readFile(join(folder, names[0]!, 'evidence.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : evidenceSchema.parse(JSON.parse(text));
}
