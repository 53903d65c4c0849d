import { readFileSync, statfsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { makePrivateDirectory } from '../../src/files/durable.js';

/** Room for two suites with their clusters, backups and sandboxes, several times over. */
const roomyBytes = 6 * 1024 ** 3;

/**
 * In memory where there is plenty: backups, restores and the servers under test make everything durable, a thousand files at a time, and on
 * a disk the tests would wait for that more than for anything else. `PGDRILL_TEST_SCRATCH` names another directory (a short one).
 */
const parent = process.env['PGDRILL_TEST_SCRATCH'] ?? (isRoomy('/dev/shm') ? '/dev/shm' : '/tmp');

/**
 * A new directory that both we and the server user can use; short, because Unix socket paths end at 107 characters. Callers
 * remove it with `removeScratch`.
 *
 * @param where `on disk` for tests that have to catch a tool at its work: in memory it may be too fast for them.
 */
export async function makeScratch(where: 'anywhere' | 'on disk' = 'anywhere'): Promise<string> {
  const outer = await mkdtemp(join(where === 'on disk' ? '/tmp' : parent, 'pgdt-'));
  await chmod(outer, 0o755);
  const scratch = join(outer, 's');
  await makePrivateDirectory(scratch);
  return scratch;
}

export async function removeScratch(scratch: string): Promise<void> {
  await rm(join(scratch, '..'), { recursive: true, force: true });
}

/** Containers have a small one by default, in which nothing may be executed. */
function isRoomy(memory: string): boolean {
  try {
    const mount = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .findLast(([, path]) => path === memory);
    if (mount?.[2] !== 'tmpfs' || mount[3]?.split(',').includes('noexec') !== false) return false;
    const { bavail, bsize } = statfsSync(memory);
    return Math.min(bavail * bsize, process.availableMemory()) > roomyBytes;
  } catch {
    return false; // not Linux
  }
}

/** A TCP port on loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
