import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { startTimeOf } from '../../src/process/process-identity.js';
import { withInstallLock } from '../../src/toolchain/install-lock.js';
import { useScratchCache } from './scratch-cache.js';

describe('the install lock', () => {
  const cache = useScratchCache();
  const options = { what: 'installing a thing', progress: cache.progress };

  it('lets one in at a time, and leaves nothing behind', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await sleep(50);
      inside--;
    };
    const path = join(cache.path(), 'thing.lock');
    await Promise.all([1, 2, 3].map(() => withInstallLock(path, options, work)));
    expect(most).toBe(1);
    expect(cache.lines).toContainEqual(
      expect.stringMatching(/^Another process \(pid \d+\) is installing a thing; waiting/),
    );
    expect(await readdir(cache.path())).toEqual([]);
  });

  it('is given back when the work fails', async () => {
    const path = join(cache.path(), 'thing.lock');
    await expect(withInstallLock(path, options, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withInstallLock(path, options, () => Promise.resolve('next'))).toBe('next');
  });

  it('is taken over from a process that is gone, once, by several that wait', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    const dead = { pid: child.pid!, startTime: startTimeOf(child.pid!) };
    child.kill('SIGKILL');
    await once(child, 'exit');
    const path = join(cache.path(), 'thing.lock');
    await writeFile(path, JSON.stringify(dead));
    let inside = 0;
    const alone: boolean[] = [];
    await Promise.all(
      [1, 2, 3, 4].map(() =>
        withInstallLock(path, options, async () => {
          alone.push(++inside === 1);
          await sleep(20);
          inside--;
        }),
      ),
    );
    expect(alone).toEqual([true, true, true, true]);
    expect(cache.lines[0]).toContain(`(pid ${dead.pid}) is gone; taking over`);
    expect(await readdir(cache.path())).toEqual([]);
  });

  it('is not kept by a process that only has the pid of the one that is gone', async () => {
    const path = join(cache.path(), 'thing.lock');
    await writeFile(path, JSON.stringify({ pid: process.pid, startTime: 'long ago' }));
    expect(await withInstallLock(path, options, () => Promise.resolve('in'))).toBe('in');
  });

  it('is taken over where a power cut left it empty', async () => {
    const path = join(cache.path(), 'thing.lock');
    await writeFile(path, '');
    expect(await withInstallLock(path, options, () => Promise.resolve('in'))).toBe('in');
  });
});
