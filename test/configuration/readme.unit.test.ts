import { readFile } from 'node:fs/promises';

import { expect, test } from 'vitest';

import { parseConfiguration } from '../../src/configuration/load.js';

test('the configuration that the README shows is one that loads', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, shown] = /### Set it and leave it\n\n```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
  const text = shown?.replace(
    '# …',
    'connection: host=/run/postgresql dbname=shop\n    repository: /var/lib/pgdrill/shop',
  );
  const { clusters } = parseConfiguration(text ?? '', 'README.md');
  expect(Object.keys(clusters['shop']?.policies ?? {})).toEqual(['daily_full', 'hourly_incremental']);
  expect(clusters['shop']?.retention?.window).toBeDefined();
});
