import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { fillIn, forgetUnused } from '../../src/repository/restore-command.js';

it('a command gets the file’s name and where to put it, and keeps its percent signs', () => {
  const filled = fillIn(`date +%%s; cp "/a/%f" '%p' # %f`, { name: '000000010000000000000001', path: '/b/$&%f' });
  expect(filled).toBe(`date +%s; cp "/a/000000010000000000000001" '/b/$&%f' # 000000010000000000000001`);
});

it('what nobody has asked for in days is forgotten, timeline histories are not', async () => {
  const directory = await mkdtemp('/tmp/pgdt-fetched-');
  const old = new Date(Date.now() - 4 * 24 * 60 * 60_000);
  const [recent, unused, unfinished, history] = [
    '000000010000000000000002',
    '000000010000000000000001',
    'fetching-1-000000010000000000000003',
    '00000002.history',
  ];
  for (const name of [recent, unused, unfinished, history]) await writeFile(join(directory, name), '');
  for (const name of [unused, unfinished, history]) await utimes(join(directory, name), old, old);
  await forgetUnused(directory);
  expect((await readdir(directory)).sort()).toEqual([recent, history].sort());
  await rm(directory, { recursive: true });
});
