import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, describe, expect, it, vi } from 'vitest';

import { ToolchainError } from '../../src/errors.js';
import { ensureTemporal, findTemporal } from '../../src/toolchain/temporal.js';
import type { TemporalSource } from '../../src/toolchain/temporal-sources.js';
import { useScratchCache } from './scratch-cache.js';

const nowhere: readonly TemporalSource[] = [
  { name: 'building it with Go', get: () => Promise.reject(new Error('Go is not on this machine')) },
  { name: 'downloading it', get: () => Promise.reject(new Error('getaddrinfo ENOTFOUND temporal.download')) },
];

describe('the temporal program', () => {
  let installed: string;
  // Built at most once a machine: minutes.
  beforeAll(async () => {
    installed = await ensureTemporal({ progress: (line) => console.error(line) });
  }, 1_200_000);

  const cache = useScratchCache();
  const noneOnPath = (): void => void vi.stubEnv('PATH', cache.path());

  it('is the configured one', async () => {
    vi.stubEnv('PGDRILL_TEMPORAL', installed);
    expect(await findTemporal()).toBe(installed);
  });

  it.each([
    ['does not exist', '/no/such/temporal', 'ENOENT'],
    ['is another program', process.execPath, 'version is not understood'],
    ['is relative', 'temporal', 'not an absolute path'],
  ])('is never silently another when the configured one %s', async (_, path, reason) => {
    vi.stubEnv('PGDRILL_TEMPORAL', path);
    const error = await ensureTemporal({ progress: cache.progress }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ToolchainError);
    expect((error as Error).message).toContain(`PGDRILL_TEMPORAL is set to ${path}, which cannot be used`);
    expect((error as Error).message).toContain(reason);
  });

  it('is installed by the first way that works, once, and is found afterwards', async () => {
    noneOnPath();
    let copies = 0;
    const copying: TemporalSource = {
      name: 'copying it',
      get: async (directory) => {
        copies++;
        await copyFile(installed, join(directory, 'temporal'));
        return 'a copy';
      },
    };
    const ensure = (): Promise<string> => ensureTemporal({ progress: cache.progress, sources: [nowhere[0]!, copying] });
    const [one, other] = await Promise.all([ensure(), ensure()]);
    expect([one, copies]).toEqual([other, 1]);
    expect(await findTemporal()).toBe(one);
    await writeFile(one, 'damaged');
    expect(await findTemporal()).toBeUndefined();
    expect(await ensure()).toBe(one);
    expect(copies).toBe(2);
    expect(cache.lines).toContainEqual(expect.stringMatching(/is damaged \(temporal has 7 bytes instead of \d+\)/));
  });

  it('cannot be had without Go and network, which is said with what was tried and what to do', async () => {
    noneOnPath();
    const error = await ensureTemporal({ progress: cache.progress, sources: nowhere }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(ToolchainError);
    expect((error as Error).message).toMatch(/Go is not on this machine.*ENOTFOUND.*PGDRILL_TEMPORAL=\/path/s);
    expect(await readdir(cache.path())).toEqual([]);
  });
});
