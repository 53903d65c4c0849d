import { link, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { SandboxError } from '../../src/errors.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import { sandboxLayout } from '../../src/restore/sandbox.js';
import { Expendable } from '../../src/sabotage/expendable.js';
import { breakCopy, breakRestored } from '../../src/sabotage/sabotage.js';
import { listing } from '../restore/restore-support.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';

const { signal } = new AbortController();
let shop: ProtectedCluster;
let untouched: Record<string, string>;

beforeAll(async () => {
  shop = await protectCluster();
  await shop.sql(`create table orders (id int primary key); insert into orders select generate_series(1, 1000)`);
  await shop.backup('full');
  await shop.archive();
});
afterAll(() => shop.remove());
beforeEach(async () => {
  untouched = await listing(shop.repository.path);
});
afterEach(async () => {
  expect(await listing(shop.repository.path)).toEqual(untouched);
  await rm(shop.patient.sandboxDirectory, { recursive: true, force: true });
  await makePrivateDirectory(shop.patient.sandboxDirectory);
});

async function attack(directory: string): Promise<unknown> {
  const plan = {
    chain: [],
    target: { requested: 'fence', settings: {}, timeline: 1 },
    wal: { from: '0/0', to: '0/0', bytes: 0 },
  };
  const request = { cluster: shop.patient, seed: 1, signal, kind: 'manifest-bit' as const, directory, plan };
  return await breakCopy(shop.tools, request).catch((error: unknown) => error);
}

/** A directory below the sandboxes that was made to be broken. */
async function expendable(name = 'made'): Promise<{ directory: string; prove: () => Promise<Expendable> }> {
  const directory = join(shop.patient.sandboxDirectory, name);
  await Expendable.declare(directory, shop.patient.sandboxDirectory);
  const place = { sandboxes: shop.patient.sandboxDirectory, keepOut: [shop.repository.path] };
  return { directory, prove: () => Expendable.prove(directory, place) };
}

describe('sabotage refuses', () => {
  it('the real repository', async () => {
    const error = await attack(shop.repository.path);
    expect(error).toBeInstanceOf(SandboxError);
    expect(String(error)).toContain('does not lie below');
  });

  it('the real repository, even where it lies below the sandboxes and somebody has marked it', async () => {
    await writeFile(
      join(shop.repository.path, 'expendable.json'),
      JSON.stringify({ expendable: true, directory: shop.repository.path }),
    );
    try {
      const place = { sandboxes: shop.scratch, keepOut: [shop.repository.path] };
      await expect(Expendable.prove(shop.repository.path, place)).rejects.toThrow(/is part of .*repository/);
      await expect(Expendable.prove(join(shop.repository.path, 'backups'), place)).rejects.toThrow(/is part of/);
    } finally {
      await rm(join(shop.repository.path, 'expendable.json'));
    }
  });

  it('a way to the real repository by a symbolic link', async () => {
    const directory = join(shop.patient.sandboxDirectory, 'link');
    await symlink(shop.repository.path, directory);
    expect(String(await attack(directory))).toContain('does not lie below');
  });

  it('the sandbox of a drill, which nobody has marked', async () => {
    const directory = join(shop.patient.sandboxDirectory, 'drill');
    await makePrivateDirectory(directory);
    expect(String(await attack(directory))).toContain('expendable.json is not there');
  });

  it('a mark that was copied from elsewhere', async () => {
    const made = await expendable();
    const directory = join(shop.patient.sandboxDirectory, 'other');
    await makePrivateDirectory(directory);
    await writeFile(join(directory, 'expendable.json'), await readFile(join(made.directory, 'expendable.json')));
    expect(String(await attack(directory))).toContain('expendable.json is not there');
  });

  it('to mark any other place than a directory among the sandboxes', async () => {
    const { sandboxDirectory } = shop.patient;
    for (const directory of [
      shop.repository.path,
      join(sandboxDirectory, '..', 'repository'),
      join(sandboxDirectory, 'a', 'b'),
    ])
      await expect(Expendable.declare(directory, sandboxDirectory)).rejects.toThrow(/does not lie in/);
  });

  it('a directory that is not there', async () => {
    expect(String(await attack(join(shop.patient.sandboxDirectory, 'nowhere')))).toContain('does not exist');
  });

  it('files outside, by dots or by links', async () => {
    const { directory, prove } = await expendable();
    const hand = await prove();
    const identity = join(shop.repository.path, 'pgdrill.json');
    await symlink(shop.repository.path, join(directory, 'way-out'));
    await symlink(identity, join(directory, 'file-out'));
    for (const path of [identity, join(directory, 'way-out', 'pgdrill.json'), join(directory, 'file-out')]) {
      await expect(hand.flipBit(path, 0, 0)).rejects.toThrow(/does not lie in/);
      await expect(hand.truncate(path, 0)).rejects.toThrow(/does not lie in/);
      await expect(hand.replace(path, '')).rejects.toThrow(/does not lie in/);
      await expect(hand.remove(path)).rejects.toThrow(/does not lie in/);
      await expect(hand.swap(join(directory, 'expendable.json'), path)).rejects.toThrow(/does not lie in/);
    }
  });

  it('a server that is not the restored one, though it answers at the socket', async () => {
    const { directory } = await expendable();
    const sandbox = {
      ...sandboxLayout('made', shop.patient.sandboxDirectory),
      socketDirectory: shop.source.directory,
      superuser: 'postgres',
    };
    await makePrivateDirectory(join(directory, 'data'));
    const request = { cluster: shop.patient, seed: 1, signal, kind: 'row-removed' as const, sandbox, role: 'pgdrill' };
    await expect(breakRestored(shop.tools, request)).rejects.toThrow(/another server than the one that was made/);
    expect(await shop.sql('select count(*)::int as rows from orders')).toEqual([{ rows: 1000 }]);
  });
});

it('a file that is shared with the repository is broken in the copy alone', async () => {
  const { directory, prove } = await expendable();
  const original = join(shop.repository.path, 'pgdrill.json');
  const shared = join(directory, 'pgdrill.json');
  await link(original, shared);
  const before = await readFile(original);
  await (await prove()).flipBit(shared, 3, 5);
  expect(await readFile(original)).toEqual(before);
  const after = await readFile(shared);
  expect(after[3]).toBe(before[3]! ^ 0b10_0000);
  expect(after.length).toBe(before.length);
});
