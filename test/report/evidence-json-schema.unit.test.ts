import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

import { renderEvidenceSchema } from '../../src/report/evidence-json-schema.js';

it('the published schema of evidence is that of the code (npm run docs writes it)', async () => {
  const text = renderEvidenceSchema();
  expect(await readFile('docs/evidence-1.schema.json', 'utf8')).toBe(text);
  expect(JSON.parse(text)).toMatchObject({
    properties: { formatVersion: { const: 1 }, verdict: { enum: ['passed', 'failed', 'unproven'] } },
  });
});
