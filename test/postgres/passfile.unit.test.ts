import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { AccessError } from '../../src/errors.js';
import { readPassfile } from '../../src/postgres/passfile.js';

let directory: string;
let path: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pgdt-passfile-'));
  path = join(directory, 'pass');
  const lines = [
    '# a comment',
    'db.example:5432:shop:pgdrill:first',
    'db.example:*:*:pgdrill:a\\:b\\\\c',
    'localhost:*:*:*:local',
  ];
  await writeFile(path, lines.join('\n'), { mode: 0o600 });
});

afterAll(async () => rm(directory, { recursive: true }));

test('the first line that fits wins, a star fits anything', async () => {
  const shop = { host: 'db.example', port: '5432', dbname: 'shop', user: 'pgdrill' };
  expect(await readPassfile(path, shop)).toBe('first');
  expect(await readPassfile(path, { ...shop, user: 'other' })).toBeUndefined();
});

test('colons and backslashes in a password are escaped', async () => {
  expect(await readPassfile(path, { host: 'db.example', port: '5433', dbname: 'shop', user: 'pgdrill' })).toBe(
    'a:b\\c',
  );
});

test('a socket directory is looked up as localhost, too', async () => {
  expect(await readPassfile(path, { host: '/run/postgresql', dbname: 'shop', user: 'x' })).toBe('local');
});

test('a passfile that others can read is refused', async () => {
  await chmod(path, 0o644);
  await expect(readPassfile(path, { host: 'localhost' })).rejects.toThrow(AccessError);
  await chmod(path, 0o600);
});
