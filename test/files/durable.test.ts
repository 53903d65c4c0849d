import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { DiskFullError, StorageError } from '../../src/errors.js';
import {
  asDiskFull,
  asStorageError,
  exists,
  fsyncTree,
  makePrivateDirectory,
  renameDurably,
  treeSizeBytes,
  writeFileDurably,
} from '../../src/files/durable.js';
import { serverUser } from '../../src/process/server-user.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

let scratch: string;
beforeEach(async () => {
  scratch = await makeScratch();
});
afterEach(() => removeScratch(scratch));

const owner = serverUser()?.uid ?? process.getuid?.();

describe('a durable write', () => {
  it('puts the whole file there, private, owned by the server user, and nothing beside it', async () => {
    await writeFileDurably(join(scratch, 'file'), 'content');
    expect(await readFile(join(scratch, 'file'), 'utf8')).toBe('content');
    expect(await stat(join(scratch, 'file'))).toMatchObject({ mode: 0o100600, uid: owner });
    expect(await readdir(scratch)).toEqual(['file']);
  });

  it('replaces a file at once: whoever reads meanwhile sees the old or the new, never a part', async () => {
    const path = join(scratch, 'file');
    const [first, second] = ['a'.repeat(300_000), 'b'.repeat(200_000)];
    await writeFileDurably(path, first);
    let writing = true;
    const seen = new Set<string>();
    const reader = (async () => {
      while (writing) seen.add(await readFile(path, 'utf8'));
    })();
    for (let round = 0; round < 10; round += 1) await writeFileDurably(path, round % 2 === 0 ? second : first);
    writing = false;
    await reader;
    expect([...seen].every((text) => text === first || text === second)).toBe(true);
  });

  it('by many at once leaves one of theirs, whole', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => String(index).repeat(50_000));
    await Promise.all(texts.map((text) => writeFileDurably(join(scratch, 'file'), text)));
    expect(texts).toContain(await readFile(join(scratch, 'file'), 'utf8'));
    expect(await readdir(scratch)).toEqual(['file']);
  });

  it('that fails leaves nothing half-done', async () => {
    await mkdir(join(scratch, 'directory'));
    await writeFile(join(scratch, 'directory/inside'), '');
    await expect(writeFileDurably(join(scratch, 'directory'), 'content')).rejects.toThrow(StorageError);
    expect(await readdir(scratch)).toEqual(['directory']);
  });
});

describe('a private directory', () => {
  it('is made with its parents, all of them for the server user alone', async () => {
    await makePrivateDirectory(join(scratch, 'a/b/c'));
    for (const path of ['a', 'a/b', 'a/b/c'])
      expect(await stat(join(scratch, path))).toMatchObject({ mode: 0o40700, uid: owner });
  });

  it('that exists is left alone', async () => {
    await mkdir(join(scratch, 'mine'));
    await chmod(join(scratch, 'mine'), 0o755);
    await makePrivateDirectory(join(scratch, 'mine'));
    expect((await stat(join(scratch, 'mine'))).mode & 0o777).toBe(0o755);
  });
});

it('a finished directory is renamed into place with all it holds', async () => {
  await makePrivateDirectory(join(scratch, 'from/below'));
  await makePrivateDirectory(join(scratch, 'to'));
  await writeFile(join(scratch, 'from/below/file'), 'x');
  await fsyncTree(join(scratch, 'from'));
  await renameDurably(join(scratch, 'from'), join(scratch, 'to/final'));
  expect(await readFile(join(scratch, 'to/final/below/file'), 'utf8')).toBe('x');
  expect(await exists(join(scratch, 'from'))).toBe(false);
});

it('fsyncing a tree ends with the reason of the signal', async () => {
  const reason = new Error('cancelled');
  await expect(fsyncTree(scratch, AbortSignal.abort(reason))).rejects.toBe(reason);
});

it('the size of a tree is that of its files; links are not followed', async () => {
  await makePrivateDirectory(join(scratch, 'tree/below'));
  await writeFile(join(scratch, 'tree/one'), 'x'.repeat(1_000));
  await writeFile(join(scratch, 'tree/below/two'), 'x'.repeat(234));
  await symlink('/usr', join(scratch, 'tree/link'));
  expect(await treeSizeBytes(join(scratch, 'tree'))).toBe(1_234);
});

it('existence: a path below a file does not exist, and that is no error', async () => {
  await writeFile(join(scratch, 'file'), '');
  expect([await exists(join(scratch, 'file')), await exists(join(scratch, 'file/below'))]).toEqual([true, false]);
});

it.each(['ENOSPC', 'EDQUOT'])('%s is a full disk, named by its path; other errors stay as they are', (code) => {
  const error = Object.assign(new Error(code), { code });
  expect(asDiskFull(error, '/some/where')).toBeInstanceOf(DiskFullError);
  expect(String(asDiskFull(error, '/some/where'))).toContain('/some/where');
  const other = new Error('other');
  expect(asDiskFull(other, '/some/where')).toBe(other);
});

it.each(['EROFS', 'EACCES', 'EIO', 'EISDIR'])('%s is for a person to mend, and says so', (code) => {
  const error = asStorageError(Object.assign(new Error(code), { code }), '/some/where');
  expect(error).toBeInstanceOf(StorageError);
  expect(error).toMatchObject({ retryable: false, message: expect.stringContaining('/some/where') as string });
});

it('a renaming that fails is explained, too', async () => {
  await makePrivateDirectory(join(scratch, 'from'));
  await writeFile(join(scratch, 'to'), '');
  await expect(renameDurably(join(scratch, 'from'), join(scratch, 'to'))).rejects.toThrow(StorageError);
});
