import { readFile } from 'node:fs/promises';

import { expect, it } from 'vitest';

import { leastConfiguration } from '../../src/configuration/issue-text.js';
import { parseConfiguration } from '../../src/configuration/load.js';
import { fullExample, renderReference } from '../../src/configuration/reference.js';
import { configurationTree, type SchemaNode } from '../../src/configuration/schema-tree.js';

const reference = renderReference();

it('docs/configuration.md is what the schema says now (else: npm run docs)', async () => {
  expect(await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8')).toBe(reference);
});

it('the examples load', () => {
  expect(() => parseConfiguration(leastConfiguration, 'least')).not.toThrow();
  expect(() => parseConfiguration(fullExample, 'full')).not.toThrow();
  expect(reference).toContain(leastConfiguration);
  expect(reference).toContain(fullExample);
});

it('every key is described', () => {
  const undescribed = (node: SchemaNode, path: string): string[] =>
    Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
      ...(child.description === undefined ? [path + key] : []),
      ...undescribed(child, `${path}${key}.`),
      ...(typeof child.additionalProperties === 'object' ? undescribed(child.additionalProperties, `${path}*.`) : []),
    ]);
  expect(undescribed(configurationTree, '')).toEqual([]);
});

it('a key stands there with type, default, limits and allowed values', () => {
  expect(reference).toContain('### `clusters.<name>.connection`\n\ntext · required\n\nHow to reach the source');
  expect(reference).toContain('### `clusters.<name>.gates`\n\nlist of `restore` or `promote` · default `[]`');
  expect(reference).toContain('### `clusters.<name>.fingerprint.connections`\n\nwhole number · 1 to 64 · default `2`');
  expect(reference).toContain('### `clusters.<name>.gate_timeout`\n\ntext · default `24h`');
  expect(reference).toContain('### `temporal.task_queue`\n\ntext · default `pgdrill`');
  expect(reference).toContain('### `catalog.url`\n\ntext · optional');
});
