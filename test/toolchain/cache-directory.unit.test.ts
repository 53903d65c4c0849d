import { chmod, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ToolchainError } from '../../src/errors.js';
import { cacheDirectory, makeCacheDirectory } from '../../src/toolchain/cache-directory.js';

const isRoot = process.getuid?.() === 0;

describe('the cache directory', () => {
  let scratch: string;
  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'pgdrill-cache-directory-')); // mode 0700
    vi.stubEnv('PGDRILL_CACHE', undefined);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(scratch, { recursive: true });
  });

  it('is where PGDRILL_CACHE says', () => {
    vi.stubEnv('PGDRILL_CACHE', '/somewhere/else');
    expect(cacheDirectory()).toBe('/somewhere/else');
  });

  it.runIf(isRoot)('is outside root’s home for root, which the server user cannot enter', () => {
    vi.stubEnv('XDG_CACHE_HOME', '/root/.cache');
    expect(cacheDirectory()).toBe('/var/cache/pgdrill');
  });

  it.skipIf(isRoot)('follows XDG for everyone else', () => {
    vi.stubEnv('XDG_CACHE_HOME', '/xdg');
    expect(cacheDirectory()).toBe('/xdg/pgdrill');
    vi.stubEnv('XDG_CACHE_HOME', undefined);
    expect(cacheDirectory()).toBe(join(homedir(), '.cache/pgdrill'));
  });

  it.runIf(isRoot)('is made open to the server user, whatever the umask', async () => {
    await chmod(scratch, 0o711);
    vi.stubEnv('PGDRILL_CACHE', join(scratch, 'a/b'));
    const umask = process.umask(0o077);
    await makeCacheDirectory().finally(() => process.umask(umask));
    expect((await stat(join(scratch, 'a'))).mode & 0o777).toBe(0o755);
    expect((await stat(join(scratch, 'a/b'))).mode & 0o777).toBe(0o755);
  });

  it.runIf(isRoot)('is refused where the server user cannot reach it, naming the closed directory', async () => {
    vi.stubEnv('PGDRILL_CACHE', join(scratch, 'cache'));
    const error = await makeCacheDirectory().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ToolchainError);
    expect((error as Error).message).toMatch(new RegExp(`cannot enter ${scratch},.*chmod o\\+x ${scratch}`, 's'));
  });

  it.skipIf(isRoot)('is refused where we may not write', async () => {
    await mkdir(join(scratch, 'closed'), { mode: 0o500 });
    vi.stubEnv('PGDRILL_CACHE', join(scratch, 'closed/cache'));
    await expect(makeCacheDirectory()).rejects.toThrow(/cannot be made.*PGDRILL_CACHE/s);
  });
});
