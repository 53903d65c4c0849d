import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { listHolds } from '../../src/repository/holds.js';
import { LocalStorage } from '../../src/repository/local-storage.js';
import type { Repository } from '../../src/repository/repository.js';

let repository: Repository;
beforeEach(async () => {
  const path = await mkdtemp(join(tmpdir(), 'pgdrill-holds-'));
  repository = { path, cluster: 'shop', storage: new LocalStorage(path), systemIdentifier: undefined };
});
afterEach(() => rm(repository.path, { recursive: true }));

const hold = (id: string): string =>
  JSON.stringify({
    formatVersion: 1,
    id,
    cluster: 'shop',
    by: { kind: 'person', name: 'ann' },
    reason: 'audit',
    since: '2026-11-24T02:00:00.000Z',
  });

it('a hold has the id that its file is named after', async () => {
  await repository.storage.writeText('holds/audit.json', hold('audit'));
  expect((await listHolds(repository)).map(({ id }) => id)).toEqual(['audit']);
});

it.each([
  ['no hold', '{}'],
  ['cut short', '{"formatVersion": 1'],
  ['one that names another file, which releasing it would remove', hold('../evidence-head')],
])('a damaged hold stops whoever wants to remove something: %s', async (_, text) => {
  await repository.storage.writeText('holds/audit.json', text);
  await expect(listHolds(repository)).rejects.toThrow('/holds/audit.json is damaged.');
});
